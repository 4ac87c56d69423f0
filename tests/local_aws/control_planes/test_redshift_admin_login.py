"""A namespace's admin user can log in to the warehouse with the current password, while it is the admin user."""

import json

import pytest
from botocore.exceptions import ClientError

from local_aws.control_planes.redshift_serverless import RedshiftServerless


@pytest.fixture
def logins():
    return {}


@pytest.fixture
def client(serve, resources, logins):
    secrets = {}

    class Manager:
        def create_secret(self, *, Name, SecretString, **_rest):
            secrets[Name] = json.loads(SecretString)
            return {"ARN": f"arn:{Name}"}

        def delete_secret(self, **_rest):
            pass

    service = RedshiftServerless(
        resources,
        secrets_client=Manager,
        admin_login=lambda user, password, database: logins.update({user: (password, database)}),
        refuse_login=lambda user: logins.pop(user, None),
    )
    found = serve("redshift-serverless", service)
    found.secrets = secrets
    return found


def create(client, name="one", **more):
    client.create_namespace(
        **{
            "namespaceName": name,
            "dbName": f"{name}_db",
            "adminUsername": "admin",
            "adminUserPassword": "Password1",
            **more,
        }
    )


def available(client, name="one"):
    while client.get_namespace(namespaceName=name)["namespace"]["status"] != "AVAILABLE":
        pass


def test_a_new_password_becomes_a_login(client, logins):
    create(client)
    assert logins == {"admin": ("Password1", "one_db")}
    client.update_namespace(namespaceName="one", adminUsername="admin", adminUserPassword="Password2")
    assert logins == {"admin": ("Password2", "one_db")}


def test_a_managed_password_becomes_a_login(client, logins):
    client.create_namespace(namespaceName="one", dbName="one_db", adminUsername="chief", manageAdminPassword=True)
    assert logins == {"chief": (client.secrets["redshift!one-chief"]["password"], "one_db")}


def test_without_a_password_there_is_no_login(client, logins):
    client.create_namespace(namespaceName="one", dbName="one_db")
    assert logins == {}


def test_a_former_admin_is_refused(client, logins):
    create(client)
    client.update_namespace(namespaceName="one", adminUsername="chief", adminUserPassword="Password2")
    assert logins == {"chief": ("Password2", "one_db")}
    available(client)
    client.delete_namespace(namespaceName="one")
    assert logins == {}


def test_a_login_that_another_namespace_uses_is_kept(client, logins):
    create(client, "one")
    create(client, "two", adminUserPassword="Password2")
    available(client, "one")
    client.delete_namespace(namespaceName="one")
    assert logins == {"admin": ("Password2", "two_db")}


def test_names_that_postgresql_reserves_are_refused(client, logins):
    with pytest.raises(ClientError, match="that the local warehouse") as refused:
        create(client, adminUsername="postgres")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert logins == {}
