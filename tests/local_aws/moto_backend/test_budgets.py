import pytest
from botocore.exceptions import ClientError

from local_aws.clients import local_client
from local_aws.protocol.account import ACCOUNT_ID

NAME = "crypto-prices"
TOPIC = {"SubscriptionType": "SNS", "Address": f"arn:aws:sns:us-east-1:{ACCOUNT_ID}:alarms"}
BUDGET = {
    "BudgetName": NAME,
    "BudgetType": "COST",
    "TimeUnit": "MONTHLY",
    "BudgetLimit": {"Amount": "100", "Unit": "USD"},
}


def threshold(percent, **more):
    return {"NotificationType": "ACTUAL", "ComparisonOperator": "GREATER_THAN", "Threshold": percent, **more}


@pytest.fixture
def budgets(moto_endpoint):
    client = local_client("budgets", moto_endpoint)
    client.create_budget(
        AccountId=ACCOUNT_ID,
        Budget=BUDGET,
        NotificationsWithSubscribers=[{"Notification": threshold(80.0), "Subscribers": [TOPIC]}],
        ResourceTags=[{"Key": "platform", "Value": "dev"}],
    )
    yield client
    client.delete_budget(AccountId=ACCOUNT_ID, BudgetName=NAME)


def limit(client):
    return client.describe_budget(AccountId=ACCOUNT_ID, BudgetName=NAME)["Budget"]["BudgetLimit"]["Amount"]


def subscribers(client, notification):
    return client.describe_subscribers_for_notification(
        AccountId=ACCOUNT_ID, BudgetName=NAME, Notification=notification
    )["Subscribers"]


def test_subscribers_are_returned_for_each_threshold(budgets):
    assert subscribers(budgets, threshold(80.0, ThresholdType="PERCENTAGE")) == [TOPIC]
    with pytest.raises(ClientError, match="NotFoundException"):
        subscribers(budgets, threshold(100.0))
    with pytest.raises(ClientError, match="NotFoundException"):
        subscribers(budgets, threshold(80.0, ThresholdType="ABSOLUTE_VALUE"))


def test_a_changed_budget_keeps_its_subscribers_and_tags(budgets):
    before = budgets.describe_budget(AccountId=ACCOUNT_ID, BudgetName=NAME)["Budget"]["TimePeriod"]
    changed = {**BUDGET, "BudgetLimit": {"Amount": "200", "Unit": "USD"}}
    budgets.update_budget(AccountId=ACCOUNT_ID, NewBudget=changed)
    assert limit(budgets) == "200"
    assert budgets.describe_budget(AccountId=ACCOUNT_ID, BudgetName=NAME)["Budget"]["TimePeriod"] == before
    assert subscribers(budgets, threshold(80.0)) == [TOPIC]
    assert tags(budgets) == {"platform": "dev"}


def test_a_missing_budget_cannot_be_changed(budgets):
    with pytest.raises(ClientError, match="NotFoundException"):
        budgets.update_budget(AccountId=ACCOUNT_ID, NewBudget={**BUDGET, "BudgetName": "another"})


def tags(client):
    arn = f"arn:aws:budgets::{ACCOUNT_ID}:budget/{NAME}"
    return {tag["Key"]: tag["Value"] for tag in client.list_tags_for_resource(ResourceARN=arn)["ResourceTags"]}


def test_tags_are_added_changed_and_removed(budgets):
    arn = f"arn:aws:budgets::{ACCOUNT_ID}:budget/{NAME}"
    more = [{"Key": "platform", "Value": "prod"}, {"Key": "team", "Value": "data"}]
    budgets.tag_resource(ResourceARN=arn, ResourceTags=more)
    assert tags(budgets) == {"platform": "prod", "team": "data"}
    budgets.untag_resource(ResourceARN=arn, ResourceTagKeys=["team"])
    assert tags(budgets) == {"platform": "prod"}
