# The backend with its embedding model, and the bot. Built from this folder: docker build -t nexus .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release -p nexus-backend -p nexus-bot

# ONNX Runtime, and the default model or, where the model hub cannot be reached, the English one.
FROM python:3.12-slim-bookworm AS models
WORKDIR /src
COPY scripts/models scripts/models
RUN python3 scripts/models/fetch.py --dir /models

FROM debian:bookworm-slim
# HTTPS clients need certificate authorities.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libstdc++6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home nexus \
    && mkdir /data /uploads && chown nexus /data /uploads
COPY --from=build /src/target/release/nexus /src/target/release/nexus-bot /usr/local/bin/
COPY --from=models /models /opt/nexus/models
ENV NEXUS_DATA_DIR=/data NEXUS_MODELS_DIR=/opt/nexus/models NEXUS_LISTEN=0.0.0.0:8080
USER nexus
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["nexus", "health"]
ENTRYPOINT ["nexus"]
CMD ["serve"]
