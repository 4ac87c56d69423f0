"""Extends moto's Budgets with operations that Terraform needs: subscribers, tags, and updates of a budget.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Operations_AWS_Budgets.html
"""

from __future__ import annotations

import json
from typing import Any


def add_budget_operations() -> None:
    """Add the operations to moto's classes. Repeated calls have no effect."""
    from moto.budgets.exceptions import NotFoundException
    from moto.budgets.models import Budget
    from moto.budgets.responses import BudgetsResponse

    responses: Any = BudgetsResponse
    if hasattr(responses, "update_budget"):
        return
    create_budget = responses.create_budget

    def found(self: Any, name: str) -> Any:
        budget = self.backend.budgets[self._get_param("AccountId") or self.current_account].get(name)
        if budget is None:
            raise NotFoundException(f"Unable to get budget: {name} - the budget doesn't exist.")
        return budget

    def tagged(self: Any) -> Any:
        # arn:aws:budgets::123456789012:budget/name
        return found(self, self._get_param("ResourceARN").partition(":budget/")[2])

    def create_tagged_budget(self: Any) -> str:
        answer: str = create_budget(self)
        found(self, self._get_param("Budget")["BudgetName"]).tags = _by_key(self._get_param("ResourceTags") or [])
        return answer

    def update_budget(self: Any) -> str:
        wanted = self._get_param("NewBudget")
        before = found(self, wanted["BudgetName"])
        # The new budget is the complete definition, but subscribers and tags are kept.
        after: Any = Budget({"TimePeriod": before.budget["TimePeriod"], **wanted}, [])
        after.notifications, after.tags = before.notifications, before.tags
        self.backend.budgets[self._get_param("AccountId")][wanted["BudgetName"]] = after
        return json.dumps({})

    def describe_subscribers_for_notification(self: Any) -> str:
        budget, notification = found(self, self._get_param("BudgetName")), self._get_param("Notification")
        for one in budget.notifications:
            if _identity(one.details) == _identity(notification):
                return json.dumps({"Subscribers": one.subscribers})
        raise NotFoundException("Unable to get subscribers: the notification doesn't exist.")

    def list_tags_for_resource(self: Any) -> str:
        tags = [{"Key": key, "Value": value} for key, value in tagged(self).tags.items()]
        return json.dumps({"ResourceTags": tags})

    def tag_resource(self: Any) -> str:
        tagged(self).tags |= _by_key(self._get_param("ResourceTags"))
        return json.dumps({})

    def untag_resource(self: Any) -> str:
        budget = tagged(self)
        for key in self._get_param("ResourceTagKeys"):
            budget.tags.pop(key, None)
        return json.dumps({})

    responses.create_budget = create_tagged_budget
    responses.update_budget = update_budget
    responses.describe_subscribers_for_notification = describe_subscribers_for_notification
    responses.list_tags_for_resource = list_tags_for_resource
    responses.tag_resource = tag_resource
    responses.untag_resource = untag_resource


def _by_key(tags: list[dict[str, str]]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _identity(notification: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key that identifies a notification of a budget. A threshold is a percentage by default."""
    return (
        notification["NotificationType"],
        notification["ComparisonOperator"],
        float(notification["Threshold"]),
        notification.get("ThresholdType", "PERCENTAGE"),
    )
