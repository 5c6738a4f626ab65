# Two stages: the first installs everything into one folder, the second has nothing but Python and that folder.
FROM python:3.12-slim AS build
WORKDIR /src
RUN python -m venv /opt/pointsman
ENV PATH=/opt/pointsman/bin:$PATH PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# the dependencies first, in a layer that a change of our own code leaves alone
COPY requirements/server.txt requirements/server.txt
RUN pip install --require-hashes -r requirements/server.txt
COPY pyproject.toml pyproject.toml
COPY README.md LICENSE ./
COPY router router
COPY workers workers
COPY producer producer
COPY pointsman pointsman
RUN pip install --no-deps --no-build-isolation .

FROM python:3.12-slim
RUN useradd --system --home-dir /app pointsman && mkdir -p /app/files && chown pointsman /app/files
COPY --from=build /opt/pointsman /opt/pointsman
ENV PATH=/opt/pointsman/bin:$PATH PYTHONUNBUFFERED=1 POINTSMAN_MODELS_FILE=/app/models.yaml
WORKDIR /app
COPY models.yaml ./
USER pointsman
ENTRYPOINT ["pointsman"]
CMD ["--help"]
