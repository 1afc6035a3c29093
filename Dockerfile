# One image for every service; the command says which: `agentnet serve registry | gateway | agent NAME | mcp NAME`.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
RUN python -m venv /opt/build && python -m venv --without-pip /opt/agentnet
WORKDIR /source
COPY requirements.lock requirements-dev.lock ./
# uv's own pin and hashes stand in the development lock.
RUN awk '/^uv==/ {block = 1} block {print} block && !/\\$/ {exit}' requirements-dev.lock > uv.txt \
    && /opt/build/bin/pip install --require-hashes -r uv.txt \
    && /opt/build/bin/uv pip sync --python /opt/agentnet/bin/python --require-hashes --compile-bytecode requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY agentnet agentnet
COPY agents agents
COPY cards cards
COPY gateway gateway
COPY mcp_servers mcp_servers
COPY offline_model offline_model
COPY registry registry
RUN /opt/build/bin/uv pip install --python /opt/agentnet/bin/python --no-deps --compile-bytecode \
    --build-constraints requirements-dev.lock . ./offline_model

FROM python:3.11-slim
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
