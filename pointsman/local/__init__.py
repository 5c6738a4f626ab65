"""The parts of Pointsman on one machine: processes, ports, an embedded Redis, and what is checked of them."""
