"""What GKE's errors are taken for, in whichever way they come."""

from __future__ import annotations

import pytest

from burstd.core.errors import EffectError, Never, NoRoom, NotNow
from burstd.plugins.gke import troubles
from burstd.plugins.gke.seen import Words
from burstd.plugins.gke.troubles import Busy, Expired, Missing, Place, Refusal, Taken, Unsure, Unusable

PLACE = Place("myproject", "us-central1-a", "c2-standard-60")
OFFER = "c2-standard-60 in us-central1-a"

STOCKOUT = "The zone 'projects/p/zones/us-central1-a' does not have enough resources available. (STOCKOUT)"
QUOTA = "Insufficient regional quota to satisfy request: resource C2_CPUS: request requires 240."


def of_call(code: str, text: str = "said", reason: str = "") -> EffectError:
    return troubles.of_call("making cluster x", Refusal(code, text, reason), PLACE)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NOT_FOUND", Missing),
        ("ALREADY_EXISTS", Taken),
        ("FAILED_PRECONDITION", Busy),
        ("UNAVAILABLE", Unsure),
        ("DEADLINE_EXCEEDED", Unsure),
        ("CANCELLED", Unsure),
        ("INTERNAL", Unsure),
        ("UNKNOWN", Unsure),
        ("ABORTED", Unsure),
        ("UNAUTHENTICATED", Expired),
        ("PERMISSION_DENIED", Unusable),
        ("INVALID_ARGUMENT", Never),
        ("UNIMPLEMENTED", Never),
        ("RESOURCE_EXHAUSTED", NoRoom),
    ],
)
def test_each_code_has_its_class(code: str, kind: type[EffectError]) -> None:
    """What happened, or may have, is told by the class of the error."""
    error = of_call(code)
    assert type(error) is kind
    assert "said" in str(error)


@pytest.mark.parametrize(
    ("refusal", "option", "said"),
    [
        (("PERMISSION_DENIED", "not used before", "SERVICE_DISABLED"), "project", "gcloud services enable"),
        (("PERMISSION_DENIED", "denied", "CONSUMER_INVALID"), "project", "find no project myproject"),
        (("NOT_FOUND", 'Project "p" not found or deleted.', ""), "project", "find no project myproject"),
        (("PERMISSION_DENIED", "denied on 'locations/x' (or ...)", ""), "zone", "no zone us-central1-a"),
        (("INVALID_ARGUMENT", 'Location "x" does not exist.', ""), "zone", "no zone us-central1-a"),
        (("PERMISSION_DENIED", "Required container.clusters.list", ""), "", "roles/container.admin"),
        (("UNAVAILABLE", "Getting metadata from plugin failed", ""), "", "gcloud auth application-default"),
    ],
)
def test_what_a_person_must_mend_names_its_option(
    refusal: tuple[str, str, str], option: str, said: str
) -> None:
    """What nobody but a person can mend says where to look, and what to do."""
    error = of_call(*refusal)
    assert isinstance(error, Unusable)
    assert error.option == option
    assert said in str(error)


@pytest.mark.parametrize(
    ("refusal", "permission", "role"),
    [
        (
            Refusal(
                "PERMISSION_DENIED", 'Required "container.clusters.create" permission(s) for "projects/p".'
            ),
            "container.clusters.create",
            "roles/container.admin",
        ),
        (
            Refusal("PERMISSION_DENIED", "denied", "IAM_PERMISSION_DENIED", "container.nodes.list"),
            "container.nodes.list",
            "roles/container.admin",
        ),
        (
            Refusal(
                "INVALID_ARGUMENT",
                'The user does not have access to service account "default". Ask a project owner to grant '
                "you the iam.serviceAccountUser role on the service account.",
            ),
            "iam.serviceAccounts.actAs",
            "roles/iam.serviceAccountUser",
        ),
        (
            Refusal("PERMISSION_DENIED", 'Required "compute.networks.get" permission for "projects/host".'),
            "compute.networks.get",
            "a role with it",
        ),
    ],
    ids=["told in words", "told apart", "to act as an account", "of another service"],
)
def test_a_permission_that_is_missing_is_named(refusal: Refusal, permission: str, role: str) -> None:
    """Which permission the credentials lack is said, and which role has it."""
    error = troubles.of_call("making cluster x", refusal, PLACE)
    assert isinstance(error, Unusable)
    assert f"the credentials lack the permission {permission} in project myproject" in str(error)
    assert role in str(error)


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "UNAVAILABLE"])
def test_a_stockout_in_the_call(code: str) -> None:
    """A zone without machines is left alone for five minutes, and named."""
    error = of_call(code, STOCKOUT)
    assert isinstance(error, NoRoom)
    assert error.offer == OFFER
    assert error.retry_after == 300
    assert "us-central1-a has no c2-standard-60 left (a stockout, not a quota)" in str(error)


def test_a_quota_in_the_call() -> None:
    """A quota that is used up waits a quarter of an hour, and says where to ask for more."""
    error = of_call("RESOURCE_EXHAUSTED", QUOTA)
    assert isinstance(error, NoRoom)
    assert error.offer == OFFER
    assert error.retry_after == 900
    assert "a quota of project myproject is used up; ask for more" in str(error)


def test_asking_too_often_is_no_quota_of_machines() -> None:
    """A limit on calls in a minute passes soon."""
    text = "Quota exceeded for quota metric 'Read requests' and limit 'Read requests per minute'"
    error = of_call("RESOURCE_EXHAUSTED", text, "RATE_LIMIT_EXCEEDED")
    assert type(error) is NotNow
    assert error.retry_after == 30


@pytest.mark.parametrize(
    ("words", "seconds", "said"),
    [
        (Words("GCE_STOCKOUT", "no luck"), 300, "stockout"),
        (Words("RESOURCE_EXHAUSTED", STOCKOUT), 300, "stockout"),
        (Words("UNKNOWN", "... ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS ..."), 300, "stockout"),
        (Words("GCE_QUOTA_EXCEEDED", "no luck"), 900, "quota of project"),
        (Words("RESOURCE_EXHAUSTED", QUOTA), 900, "quota of project"),
        (Words("", "QUOTA_EXCEEDED - Insufficient quota"), 900, "quota of project"),
        (Words("INTERNAL", "nodes did not register"), 10, "making cluster x: nodes did not register"),
    ],
)
def test_what_an_operation_says(words: Words, seconds: float, said: str) -> None:
    """A code tells a stockout from a quota, and the text does where there is no code."""
    failure = troubles.of_making("making cluster x", [words], PLACE)
    assert failure.retry_after == seconds
    assert failure.offer == (OFFER if seconds > 10 else "")
    assert said in failure.text


def test_spot_machines_are_an_offer_of_their_own() -> None:
    """Where there are no Spot VMs there may be others: the offer tells them apart."""
    place = Place("myproject", "us-central1-a", "c2-standard-60", spot=True)
    failure = troubles.of_making("x", [Words("GCE_STOCKOUT", "")], place)
    assert failure.offer == "c2-standard-60 (spot) in us-central1-a"
    assert "us-central1-a has no c2-standard-60 (spot) left" in failure.text


def test_a_stockout_counts_more_than_a_quota() -> None:
    """Where both are spoken of, another zone may help, and the wait is the shorter one."""
    failure = troubles.of_making("x", [Words("GCE_QUOTA_EXCEEDED", ""), Words("GCE_STOCKOUT", "")], PLACE)
    assert failure.retry_after == 300


def test_silence_is_said() -> None:
    """A failure without any words is still a sentence."""
    assert troubles.of_making("making cluster x", [], PLACE).text == "making cluster x: GKE does not say why"


def test_long_words_are_cut() -> None:
    """Whatever GKE says fits on a line or two."""
    assert len(str(of_call("INVALID_ARGUMENT", "word\n" * 1000))) < 500
