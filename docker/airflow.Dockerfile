# Airflow as it is on MWAA: the same version, home and paths, with the bundle's requirements.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.1-python3.12
# The image is an argument, and its default is pinned.
# hadolint ignore=DL3006
FROM ${AIRFLOW_IMAGE}

USER 0
# A volume gets the owner of the image's folder at its mount point.
RUN mkdir -p /usr/local/airflow/dags /usr/local/airflow/plugins /usr/local/airflow/logs /usr/local/airflow/config \
        /usr/local/airflow/keys /usr/local/airflow/postgres-password \
    && chown -R airflow:0 /usr/local/airflow \
    && chmod 0770 /usr/local/airflow/keys /usr/local/airflow/postgres-password
# Copied files keep the modes of the checkout, which may allow only one user.
COPY requirements.txt /opt/crypto-prices/
RUN chmod -R a+rX /opt/crypto-prices
USER 50000
ENV AIRFLOW_HOME=/usr/local/airflow
WORKDIR /usr/local/airflow

# The image has its version's constraints as a file. A line that names other constraints is left unchanged for pip.
RUN python_version="$(python -c 'import sys; print(*sys.version_info[:2], sep=".")')" \
    && its_own="https://raw.githubusercontent.com/apache/airflow/constraints-${AIRFLOW_VERSION}/constraints-${python_version}.txt" \
    && sed "s#^--constraint ${its_own}\$#--constraint ${HOME}/constraints.txt#" \
        /opt/crypto-prices/requirements.txt > /tmp/requirements.txt \
    && pip install --no-cache-dir --requirement /tmp/requirements.txt

USER 0
COPY docker/make_keys.sh docker/airflow_init.py docker/component_health.py /opt/crypto-prices/
RUN chmod -R a+rX /opt/crypto-prices && chmod a+x /opt/crypto-prices/make_keys.sh
USER 50000
