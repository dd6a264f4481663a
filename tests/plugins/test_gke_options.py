"""What a person may write for GKE, and what machine types say of a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from burstd.core.errors import ConfigError
from burstd.core.model import Shape
from burstd.plugins.contract import Setting
from burstd.plugins.gke import Gke, make, options
from burstd.plugins.gke.machines import COMPACT_FAMILIES, look_up
from burstd.plugins.gke.options import GkeOptions

LEAST = {"project": "myproject", "zone": "us-central1-a", "machine_type": "c2-standard-8"}


def read(**more: Any) -> GkeOptions:
    return options.read(Setting("tester", "flux", Path("state"), LEAST | more, "pools[0].options"))


def refused(**more: Any) -> str:
    """Return what is said about options that cannot be."""
    with pytest.raises(ConfigError) as caught:
        read(**more)
    return str(caught.value)


def test_a_project_is_enough() -> None:
    """Zone and machine type have defaults; the project is all that must be said, and is named."""
    made = make(Setting("tester", "flux", Path("state"), {"project": "p"}, "pools[0].options"))
    assert made.shape == Shape(4)
    with pytest.raises(ConfigError, match=r"pools\[0\]\.options\.project: missing"):
        make(Setting("tester", "flux", Path("state"), {}, "pools[0].options"))


def test_every_option_says_what_it_does() -> None:
    """The reference is made from the options' own descriptions."""
    assert [name for name, field in GkeOptions.model_fields.items() if not field.description] == []


def test_an_unknown_option_is_named() -> None:
    """An option that is none is refused with those that there are."""
    assert "pools[0].options.machine: there is no such option here" in refused(machine="c2")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"zone": "us-central1"}, "options.zone: 'us-central1' is no zone"),
        ({"machine_type": "e2-standard-4", "compact_placement": True}, "e2-standard-4 cannot be placed"),
        ({"machine_type": "t2d-standard-4", "threads_per_core": 2}, "have one thread each"),
        ({"threads_per_core": 3}, "options.threads_per_core: "),
        ({"accelerator_type": "nvidia-tesla-t4"}, "go together"),
        (
            {"machine_type": "g2-standard-4", "accelerator_type": "nvidia-l4", "accelerator_count": 1},
            "built in",
        ),
        ({"cluster_location": "us-central1"}, "it needs cluster"),
        ({"cluster": "mine", "keep_cluster_seconds": 60}, "an existing cluster is never removed"),
        ({"labels": {"burstd-owner": "me"}}, "one of burstd's own labels"),
        ({"labels": {"Team": "hpc"}}, "'Team' cannot be a label"),
        ({"labels": {"team": "H P C"}}, "'H P C' cannot be a label's value"),
        ({"insecure_endpoint": "https://localhost:1"}, "options.insecure_endpoint: "),
        ({"cluster": "Mine"}, "options.cluster: "),
    ],
)
def test_what_gke_forbids_is_refused_first(given: dict[str, Any], said: str) -> None:
    """What GKE would refuse is said before anything is asked of it."""
    assert said in refused(**given)


def test_the_flags_are_options() -> None:
    """What flags set is taken as text."""
    assert read(flux_operator_yaml="/tmp/operator.yaml").flux_operator_yaml == "/tmp/operator.yaml"


@pytest.mark.parametrize(
    ("machine", "threads", "cores", "gpus"),
    [
        ("n2-standard-8", None, 4, 0),
        ("n2-standard-8", 1, 4, 0),
        ("n2-standard-8", 2, 4, 0),
        ("c2-standard-60", None, 30, 0),
        ("c3-standard-22", None, 11, 0),
        ("c3-standard-8-lssd", None, 4, 0),
        ("n1-standard-1", None, 1, 0),
        ("n1-standard-1", 1, 1, 0),
        ("t2d-standard-8", None, 8, 0),
        ("t2a-standard-4", None, 4, 0),
        ("c4a-standard-16", None, 16, 0),
        ("h3-standard-88", None, 88, 0),
        ("m1-ultramem-40", None, 20, 0),
        ("a2-highgpu-4g", None, 24, 4),
        ("a3-highgpu-8g", None, 104, 8),
        ("g2-standard-48", None, 24, 4),
        ("n2-custom-6-8192", None, 3, 0),
        ("custom-4-5120", None, 2, 0),
    ],
)
def test_a_machine_type_tells_the_shape(machine: str, threads: int | None, cores: int, gpus: int) -> None:
    """Flux counts cores, not threads: turning multithreading off leaves their number as it is."""
    found = look_up(machine, threads)
    assert found is not None
    assert found.shape == Shape(cores, gpus)


@pytest.mark.parametrize("machine", ["n2-standard-7", "c9-standard-8", "e2-medium", "f1-micro", "", "n2"])
def test_an_unknown_machine_type_has_no_shape(machine: str) -> None:
    """What burstd does not know is left to the pool to say."""
    assert look_up(machine) is None


def test_added_gpus_count() -> None:
    """GPUs that are added to a machine type are part of the shape."""
    found = look_up("n1-standard-8", None, "nvidia-tesla-t4", 2)
    assert found is not None
    assert (found.shape, found.accelerator) == (Shape(4, 2), "nvidia-tesla-t4")


@pytest.mark.parametrize("machine", ["n2-standard-2", "c2-standard-8", "c2d-standard-112", "t2d-standard-60"])
@pytest.mark.parametrize("threads", [None, 1])
def test_one_broker_fills_a_machine(machine: str, threads: int | None) -> None:
    """A pod asks for more than half of the machine, and leaves a quarter to GKE's own pods."""
    found = look_up(machine, threads)
    assert found is not None
    capacity = found.vcpus * 1000
    assert capacity / 2 < found.request_millicores <= capacity * 3 / 4


def test_threads_that_are_off_are_not_asked_for() -> None:
    """With one thread for each core a machine has half its vCPUs, and the pod asks for a part of these."""
    both, one = look_up("c2-standard-8"), look_up("c2-standard-8", 1)
    assert both is not None
    assert one is not None
    assert (both.request_millicores, one.request_millicores) == (4800, 2400)


def test_families_with_compact_placement() -> None:
    """The families that HPC uses can be placed compactly, the shared ones cannot."""
    assert {"c2", "c2d", "c3", "h3", "n2"} <= COMPACT_FAMILIES
    assert not {"e2", "n1", "t2d", "t2a"} & COMPACT_FAMILIES


def test_the_provider_says_what_it_is() -> None:
    """It costs money, shrinks at the top, and knows the shape where the machine type tells it."""
    known = make(Setting("tester", "flux", Path("state"), LEAST))
    unknown = make(Setting("tester", "flux", Path("state"), LEAST | {"machine_type": "z9-standard-8"}))
    assert isinstance(known, Gke)
    assert (known.paid, known.shrinks, known.shape) == (True, "top", Shape(4))
    assert unknown.shape is None
