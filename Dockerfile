# One file for every service; the command says which: `agentnet serve registry | gateway | agent NAME | mcp NAME`.
# Two images of it, which share their layers: the target `services` runs all but the data server, `data` that one too.

FROM python:3.11-slim AS tools
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /source
COPY requirements-dev.lock ./
# uv's own pin and hashes stand in the development lock.
RUN python -m venv /opt/build \
    && awk '/^uv==/ {block = 1} block {print} block && !/\\$/ {exit}' requirements-dev.lock > uv.txt \
    && /opt/build/bin/pip install --require-hashes -r uv.txt
ENV PATH=/opt/build/bin:$PATH

FROM tools AS build
COPY requirements.lock ./
# Symbols that only debuggers read are half of all compiled code. What the target `data` adds is found through a .pth file.
RUN python -m venv --without-pip /opt/agentnet \
    && uv pip sync --python /opt/agentnet/bin/python --require-hashes --compile-bytecode requirements.lock \
    && find /opt/agentnet -name '*.so*' -type f -exec strip --strip-unneeded {} + \
    && echo /opt/agentnet/extras > "$(echo /opt/agentnet/lib/python3.*/site-packages)/extras.pth"
COPY pyproject.toml README.md LICENSE ./
COPY agentnet agentnet
COPY agents agents
COPY cards cards
COPY gateway gateway
COPY mcp_servers mcp_servers
COPY offline_model offline_model
COPY registry registry
RUN uv pip install --python /opt/agentnet/bin/python --no-deps --compile-bytecode \
    --build-constraints requirements-dev.lock . ./offline_model

FROM tools AS build-data
COPY requirements-data.lock ./
RUN uv pip install --target /opt/extras --no-deps --require-hashes --compile-bytecode -r requirements-data.lock \
    && find /opt/extras -name '*.so*' -type f -exec strip --strip-unneeded {} +

FROM python:3.11-slim AS services
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Agent Network" \
      org.opencontainers.image.description="A network of specialist AI agents over A2A and MCP" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN groupadd --gid 10001 agentnet \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin agentnet
COPY --from=build /opt/agentnet /opt/agentnet
ENV PATH=/opt/agentnet/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AGENTNET_HOME=/tmp/agentnet \
    AGENTNET_LOG_FORMAT=json
USER 10001:10001
WORKDIR /tmp
EXPOSE 8700
STOPSIGNAL SIGTERM
# For the gateway, the default command; docker-compose.yml gives every other service its own.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-m", "agentnet.frame.healthcheck", "http://127.0.0.1:8700/health"]
CMD ["agentnet", "serve", "gateway"]

# Last, so that it is what a build without a target makes: the one that runs everything.
FROM services AS data
COPY --from=build-data /opt/extras /opt/agentnet/extras
