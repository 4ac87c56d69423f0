# Airflow as the bundle meets it on MWAA: the same version, its home and its paths, the bundle's requirements.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.1-python3.12
# The image is an argument, and its default is pinned.
# hadolint ignore=DL3006
FROM ${AIRFLOW_IMAGE}

USER 0
# Volumes take their owner from the folder in the image that they are mounted on.
RUN mkdir -p /usr/local/airflow/dags /usr/local/airflow/plugins /usr/local/airflow/logs /usr/local/airflow/config \
        /usr/local/airflow/keys /usr/local/airflow/postgres-password \
    && chown -R airflow:0 /usr/local/airflow \
    && chmod 0770 /usr/local/airflow/keys /usr/local/airflow/postgres-password
# Files come with the modes of the checkout, which may be for one user only.
COPY requirements.txt /opt/crypto-prices/
RUN chmod -R a+rX /opt/crypto-prices
USER 50000
ENV AIRFLOW_HOME=/usr/local/airflow
WORKDIR /usr/local/airflow

# The image has the constraints of its own version as a file; a line that names others is pip's to follow.
RUN python_version="$(python -c 'import sys; print(*sys.version_info[:2], sep=".")')" \
    && its_own="https://raw.githubusercontent.com/apache/airflow/constraints-${AIRFLOW_VERSION}/constraints-${python_version}.txt" \
    && sed "s#^--constraint ${its_own}\$#--constraint ${HOME}/constraints.txt#" \
        /opt/crypto-prices/requirements.txt > /tmp/requirements.txt \
    && pip install --no-cache-dir --requirement /tmp/requirements.txt

USER 0
COPY docker/make_keys.sh docker/airflow_init.py docker/component_health.py /opt/crypto-prices/
RUN chmod -R a+rX /opt/crypto-prices && chmod a+x /opt/crypto-prices/make_keys.sh
USER 50000
