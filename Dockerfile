# One image a purpose: `sidecar` (the proxy, the practice exchange and what prepares them), `client` (a sample bot),
# `audit` (Datasette). Everything is installed by a lock with hashes; nothing runs as root; no secret is in an image.
#
# The base is pinned by its exact version. To pin it by digest as well, put what
# `docker buildx imagetools inspect python:3.13.7-slim-bookworm` names behind the tag: @sha256:…

FROM python:3.13.7-slim-bookworm AS base
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

FROM base AS build
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1
WORKDIR /src
COPY deploy/uv.txt deploy/uv.txt
RUN pip install --no-cache-dir --require-hashes --requirement deploy/uv.txt
COPY pyproject.toml uv.lock ./

FROM build AS build-sidecar
ENV UV_PROJECT_ENVIRONMENT=/opt/pretrade
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE policy.yaml ./
COPY proxy proxy
RUN uv sync --locked --no-dev --no-editable

FROM build AS build-client
ENV UV_PROJECT_ENVIRONMENT=/opt/bot
RUN uv sync --locked --no-dev --no-install-project --extra demo

FROM build AS build-audit
ENV UV_PROJECT_ENVIRONMENT=/opt/audit
COPY deploy/datasette deploy/datasette
RUN uv sync --locked --project deploy/datasette

FROM base AS client
COPY --from=build-client /opt/bot /opt/bot
COPY deploy/compose/bot.py /opt/bot/bot.py
ENV PATH=/opt/bot/bin:$PATH
USER 10001:10001
CMD ["python", "/opt/bot/bot.py", "/run/secrets/bot.pem"]

FROM base AS audit
COPY --from=build-audit /opt/audit /opt/audit
ENV PATH=/opt/audit/bin:$PATH
USER 10001:10001
CMD ["datasette", "--version"]

FROM base AS sidecar
# What new volumes take their owner and mode from.
RUN install --directory --mode=0700 --owner=10001 --group=10001 /var/lib/pretrade /var/lib/pretrade-audit
COPY --from=build-sidecar /opt/pretrade /opt/pretrade
COPY deploy/compose/prepare.py /opt/pretrade/prepare.py
ENV PATH=/opt/pretrade/bin:$PATH PRETRADE_POLICY=/etc/pretrade/policy.yaml
USER 10001:10001
CMD ["pretrade", "run"]
