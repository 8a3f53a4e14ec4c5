# Builds any program of the workspace: docker build --build-arg SERVICE=planner -t fin-agent/planner .
# SERVICE is a package name: one of the seven services, vendor-sim or fin.

FROM node:20-bookworm-slim AS dashboard
WORKDIR /src
COPY services/dashboard/package*.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY services/dashboard ./
RUN npm run build

FROM rust:1.95-slim-bookworm AS build
ARG SERVICE
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY proto proto
COPY config config
COPY shared shared
COPY services services
COPY tools tools
COPY --from=dashboard /src/dist services/dashboard/dist
# The caches are shared by the builds of all services, so that each dependency is compiled once.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target,sharing=locked \
    test -n "$SERVICE" && \
    cargo build --locked --release -p "$SERVICE" && \
    install -s -D "target/release/$SERVICE" /out/service && \
    install -d -o 10001 -g 10001 /out/data

FROM gcr.io/distroless/cc-debian12:nonroot
ARG SERVICE
ARG VERSION=0.0.0-dev
LABEL org.opencontainers.image.title="fin-agent/$SERVICE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/service /service
COPY --from=build --chown=10001:10001 /out/data /data
# The defaults are compiled in; files mounted here override them.
ENV FIN_CONFIG_DIR=/etc/fin-agent \
    FIN__DATA_DIR=/data \
    FIN__HEALTH__LISTEN=0.0.0.0:9090
USER 10001:10001
EXPOSE 9090
ENTRYPOINT ["/service"]
HEALTHCHECK --interval=5s --timeout=2s --start-period=10s --retries=3 CMD ["/service", "healthcheck"]
