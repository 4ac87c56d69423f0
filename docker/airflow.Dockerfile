# Airflow as the bundle meets it on MWAA: the same version, its home and its paths, the bundle's requirements.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.1-python3.12
# The image is an argument, and its default is pinned.
# hadolint ignore=DL3006
FROM ${AIRFLOW_IMAGE}

USER 0
# Volumes take their owner from the folder in the image that they are mounted on.
RUN mkdir -p /usr/local/airflow/dags /usr/local/airflow/plugins /usr/local/airflow/logs /usr/local/airflow/config \
        /usr/local/airflow/keys \
    && chown -R airflow:0 /usr/local/airflow \
    && chmod 0770 /usr/local/airflow/keys
USER 50000
ENV AIRFLOW_HOME=/usr/local/airflow
WORKDIR /usr/local/airflow

COPY requirements.txt /tmp/requirements.txt
# The image has the constraints that it was built with, the same that the file names by their address.
RUN sed '/^--constraint /d' /tmp/requirements.txt > /tmp/requirements-of-the-image.txt \
    && pip install --no-cache-dir --requirement /tmp/requirements-of-the-image.txt --constraint "${HOME}/constraints.txt"

COPY docker/make_keys.sh docker/airflow_init.py docker/component_health.py /opt/crypto-prices/
