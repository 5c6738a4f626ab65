# Two stages: the first builds the wheels, the second has nothing but Python and them.
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY router router
COPY workers workers
COPY producer producer
COPY pointsman pointsman
RUN python -m venv /opt/pointsman && /opt/pointsman/bin/pip install --no-cache-dir .

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /app pointsman
COPY --from=build /opt/pointsman /opt/pointsman
ENV PATH=/opt/pointsman/bin:$PATH PYTHONUNBUFFERED=1 POINTSMAN_MODELS_FILE=/app/models.yaml
WORKDIR /app
COPY models.yaml ./
USER pointsman
ENTRYPOINT ["pointsman"]
CMD ["--help"]
