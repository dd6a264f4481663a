"""Kind clusters of a burst: whose they are, what is found again, what is said where they cannot be made."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kind_venue import Town, town

from burstd.core.errors import ConfigError, Never, NotNow
from burstd.core.model import Site
from burstd.kube import kubeconfig
from burstd.kube.kinds import NODE
from burstd.plugins.contract import Reachable, Renders
from burstd.plugins.kind import Kind, request
from burstd.plugins.kind.options import KindOptions
from burstd.plugins.registry import factory

NAME = "contract-burst-0-g1"
SECONDS = 20.0


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    with town(monkeypatch) as made:
        yield made


def until(condition: Callable[[], Any]) -> Any:
    """Wait until the condition holds, and return what it says."""
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def site(generation: int = 1) -> Site:
    return Site(f"contract-burst-0-g{generation}", "burst-0", generation, ())


def make_foreign(place: Town, name: str = NAME) -> None:
    """Make a cluster as a person does."""
    file = place.directory / "somebody"
    subprocess.run(["kind", "create", "cluster", "--name", name, "--kubeconfig", file], check=True)


def provisioning(place: Town) -> subprocess.Popen[bytes]:
    """Start a process that provisions the order, as another burstd."""
    return subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("kind_venue.py")), str(place.directory)],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


def nodes_of(place: Town, provider: Kind) -> list[dict[str, Any]]:
    """Return the Nodes of the only burst's cluster."""
    file = place.directory / "looked"
    file.write_text(provider.kubeconfig(site()))
    file.chmod(0o600)
    cluster = kubeconfig.connect(str(file))
    try:
        return list(cluster.list(NODE).items)
    finally:
        cluster.close()


def test_it_is_found_by_its_entry_point() -> None:
    """The provider that a configuration calls `kind` is this one."""
    assert factory("kind").__module__ == "burstd.plugins.kind"


@pytest.mark.process
class TestMade:
    """A cluster that is made for a burst."""

    def test_every_node_bears_the_burst(self, place: Town) -> None:
        """Each node has burstd's labels from its birth, and there is one worker for each host of the pool."""
        provider = place.provider()
        provider.provision(place.order(1))
        nodes = nodes_of(place, provider)
        assert len(nodes) == 1 + place.pool.size
        marks = {"burstd.dev/owner": "tester", "burstd.dev/pool": "burst-0", "burstd.dev/generation": "1"}
        assert all(marks.items() <= node["metadata"]["labels"].items() for node in nodes)

    def test_what_is_kept_is_private(self, place: Town) -> None:
        """Mark and kubeconfig are readable by their owner alone, and go with the cluster."""
        provider = place.provider()
        provider.provision(place.order())
        folder = place.files_of(NAME)
        files = [folder, *folder.iterdir()]
        assert (folder / "kubeconfig").stat().st_size > 0
        assert all(stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 for file in files)
        provider.remove(site())
        assert not folder.exists()
        assert place.kind.clusters() == []

    def test_kubeconfig_of_the_person_is_left_alone(self, place: Town, monkeypatch) -> None:
        """Neither making nor deleting a cluster writes to the kubeconfig that `kubectl` uses."""
        own = place.directory / "own"
        own.write_text("mine")
        monkeypatch.setenv("KUBECONFIG", str(own))
        provider = place.provider()
        provider.provision(place.order())
        provider.remove(site())
        assert own.read_text() == "mine"

    def test_a_kubeconfig_for_a_person(self, place: Town) -> None:
        """The kubeconfig of a site has the burst's namespace chosen."""
        provider = place.provider()
        assert isinstance(provider, Reachable)
        with pytest.raises(NotNow, match=f"there is no cluster {NAME}"):
            provider.kubeconfig(site())
        provider.provision(place.order())
        config = yaml.safe_load(provider.kubeconfig(site()))
        assert config["contexts"][0]["context"]["namespace"] == NAME

    def test_images_are_put_on_the_nodes(self, place: Town) -> None:
        """The images that are named are loaded before anything is launched."""
        place.provider(load_images=["mine:1", "mine:2"]).provision(place.order())
        assert place.kind.cluster(NAME).images == ["mine:1", "mine:2"]

    def test_an_image_that_is_not_there_to_load_is_told(self, place: Town) -> None:
        """An image that the local Docker does not have is one sentence, for a person to mend."""
        place.kind.set_fault("images", "mine:1")
        with pytest.raises(
            Never, match=r'`kind load docker-image` failed: image: "mine:1" not present locally'
        ):
            place.provider(load_images=["mine:1"]).provision(place.order())

    def test_its_own_configuration_is_merged(self, place: Town) -> None:
        """What a person's file says of the cluster and of its kinds of nodes is in what kind gets."""
        file = place.directory / "kind.yaml"
        own = {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "name": "another",
            "networking": {"podSubnet": "10.244.0.0/16"},
            "nodes": [
                {"role": "control-plane", "extraPortMappings": [{"containerPort": 30093, "hostPort": 30093}]},
                {"role": "worker", "labels": {"tier": "x"}, "extraMounts": [{"hostPath": "/a"}]},
            ],
        }
        file.write_text(yaml.safe_dump(own))
        place.provider(config=str(file), workers=2).provision(place.order())
        made = place.kind.cluster(NAME).config
        assert made["networking"] == own["networking"]
        first, *workers = made["nodes"]
        assert first["extraPortMappings"] == own["nodes"][0]["extraPortMappings"]
        assert [node["extraMounts"] for node in workers] == [[{"hostPath": "/a"}]] * 2
        assert all(node["labels"]["tier"] == "x" for node in workers)

    def test_without_workers_the_control_plane_runs_the_brokers(self, place: Town) -> None:
        """A cluster of one node can be had, and a burst runs on it."""
        provider = place.provider(workers=0)
        provider.provision(place.order())
        provider.launch(place.order())
        hosts = until(lambda: (shown := provider.observe().sites[0]) and not shown.pending and shown.hosts)
        assert hosts == place.order().hosts
        assert len(place.kind.cluster(NAME).node_names()) == 1


@pytest.mark.process
class TestForeign:
    """Clusters that are somebody else's."""

    def test_one_of_the_bursts_name_is_not_touched(self, place: Town) -> None:
        """A cluster that bears no mark of burstd's is neither shown, nor used, nor deleted."""
        make_foreign(place)
        provider = place.provider()
        assert provider.observe().sites == ()
        with pytest.raises(
            Never, match=rf"{NAME} already, which somebody else made; choose another cluster_name"
        ):
            provider.provision(place.order())
        with pytest.raises(Never, match="somebody else made"):
            provider.launch(place.order())
        provider.remove(site())
        assert place.kind.clusters() == [NAME]
        assert not place.files_of(NAME).exists()

    def test_another_owners_is_named(self, place: Town) -> None:
        """A cluster that another burstd made is refused with that owner's name."""
        place.provider("stranger").provision(place.order(owner="stranger"))
        with pytest.raises(Never, match=r"which the burstd of stranger made"):
            place.provider().provision(place.order())

    def test_labels_count_more_than_a_mark(self, place: Town) -> None:
        """A mark on disk does not make a cluster burstd's whose nodes say otherwise."""
        provider = place.provider()
        provider.provision(place.order())
        mark = (place.files_of(NAME) / "mark.json").read_text()
        provider.remove(site())
        make_foreign(place)
        folder = place.files_of(NAME)
        folder.mkdir(parents=True)
        (folder / "mark.json").write_text(mark)
        assert provider.observe().sites == ()
        provider.remove(site())
        assert place.kind.clusters() == [NAME]

    def test_one_that_says_nothing_is_not_touched(self, place: Town) -> None:
        """Without a mark, and without an answer, nobody knows whose a cluster is: it is left, and told."""
        make_foreign(place)
        place.kind.cluster(NAME).end(signal.SIGKILL)
        provider = place.provider()
        listing = provider.observe()
        assert (listing.sites, listing.complete) == ((), False)
        for call in (lambda: provider.provision(place.order()), lambda: provider.remove(site())):
            with pytest.raises(NotNow, match=f"nothing says whose it is.*kind delete cluster --name {NAME}"):
                call()
        assert place.kind.clusters() == [NAME]

    def test_others_are_not_even_asked(self, place: Town) -> None:
        """A cluster without the prefix has nothing to do with burstd, whether it answers or not."""
        make_foreign(place, "mine")
        place.kind.cluster("mine").end(signal.SIGKILL)
        assert place.provider().observe().complete


@pytest.mark.process
class TestBrokenOff:
    """Making a cluster that does not come to its end."""

    def test_a_restart_waits_for_a_kind_that_goes_on(self, place: Town) -> None:
        """Where burstd alone was killed, the next one waits until kind is done, and makes nothing twice."""
        place.kind.set_fault("hang")
        with provisioning(place) as before:
            pid = until(place.kind.creating)
            before.kill()
        provider = place.provider()
        listing = provider.observe()
        assert listing.complete
        assert [one.pending for one in listing.sites] == ["its cluster is being made"]
        with pytest.raises(NotNow, match="`kind create` is still making"):
            provider.remove(site())
        with ThreadPoolExecutor() as worker:
            call = worker.submit(provider.provision, place.order())
            place.kind.clear_fault("hang")
            call.result(SECONDS)
        assert place.kind.creating() == pid
        assert provider.observe().sites[0].pending == "its MiniCluster is not made yet"

    def test_a_half_made_cluster_is_made_anew(self, place: Town) -> None:
        """Where kind was killed as well, what it left is deleted, and the cluster made from the beginning."""
        place.kind.set_fault("hang")
        with provisioning(place) as before:
            pid = until(place.kind.creating)
            before.kill()
        os.kill(pid, signal.SIGKILL)
        place.kind.clear_fault("hang")
        provider = place.provider()
        provider.provision(place.order())
        assert place.kind.creating() != pid
        assert provider.observe().sites[0].pending == "its MiniCluster is not made yet"

    def test_a_half_made_cluster_can_be_removed(self, place: Town) -> None:
        """What a killed kind left is deleted with its mark."""
        place.kind.set_fault("hang")
        with provisioning(place) as before:
            pid = until(place.kind.creating)
            before.kill()
        os.kill(pid, signal.SIGKILL)
        provider = place.provider()
        until(lambda: _removed(provider))
        assert place.kind.clusters() == []
        assert not place.files_of(NAME).exists()

    def test_one_that_takes_too_long_is_ended_and_removed(self, place: Town) -> None:
        """After provision_seconds kind is ended, and nothing of the cluster is left."""
        place.kind.set_fault("hang")
        order = replace(place.order(), pool=replace(place.pool, provision_seconds=1.0))
        with pytest.raises(NotNow, match=r"`kind create cluster` was not done after 1 s"):
            place.provider().provision(order)
        assert place.kind.clusters() == []
        assert not place.files_of(NAME).exists()

    def test_a_kind_that_somebody_kills_leaves_nothing(self, place: Town) -> None:
        """Where kind is killed and burstd lives, the half-made cluster is removed at once."""
        place.kind.set_fault("hang")
        provider = place.provider()
        with ThreadPoolExecutor() as worker:
            call = worker.submit(provider.provision, place.order())
            os.kill(until(place.kind.creating), signal.SIGKILL)
            with pytest.raises(NotNow, match="was ended by SIGKILL"):
                call.result(SECONDS)
        assert place.kind.clusters() == []

    @pytest.mark.parametrize(
        ("fault", "words", "what"),
        [
            ("pull", "Error response from daemon: no such host", r"failed to pull image .*: no such host"),
            ("init", "timed out waiting for the condition", r"failed to init node.*: timed out waiting"),
        ],
    )
    def test_a_failure_is_told_in_the_programs_words(
        self, place: Town, fault: str, words: str, what: str
    ) -> None:
        """What kind says last is the failure, which may pass; nothing is left behind."""
        place.kind.set_fault(fault, words)
        provider = place.provider(node_image="kindest/node:v0")
        with pytest.raises(NotNow, match=what):
            provider.provision(place.order())
        assert place.kind.clusters() == []
        assert not place.files_of(NAME).exists()
        place.kind.clear_fault(fault)
        provider.provision(place.order())

    def test_a_cluster_that_cannot_be_deleted_is_still_known(self, place: Town) -> None:
        """Where deleting fails, the mark stays, and the next removal succeeds."""
        provider = place.provider()
        provider.provision(place.order())
        place.kind.set_fault("delete", "device or resource busy")
        with pytest.raises(NotNow, match=r"failed to delete nodes.*device or resource busy"):
            provider.remove(site())
        assert len(provider.observe().sites) == 1
        place.kind.clear_fault("delete")
        provider.remove(site())
        assert provider.observe().sites == ()


@pytest.mark.process
class TestAway:
    """What is not there: a program, Docker, an API server, burstd's own files."""

    @pytest.mark.parametrize("program", ["kind", "docker"])
    def test_a_missing_program_is_one_sentence(
        self, place: Town, monkeypatch: pytest.MonkeyPatch, program: str
    ) -> None:
        """A program that is not installed is a problem of the pool, with what to install."""
        place.kind.remove_program(program)
        monkeypatch.setenv("PATH", str(place.kind.bin))
        problems = place.provider().check(place.pool, place.join)
        assert [one.path for one in problems] == ["provider"]
        assert f"the program `{program}` is not installed here" in problems[0].what
        assert "install" in problems[0].hint

    def test_provisioning_without_kind_never_works(
        self, place: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Where kind is gone since the start, a burst fails for good, with what to install."""
        monkeypatch.setenv("PATH", "/nonexistent")
        with pytest.raises(Never, match="the program `kind` is not installed here: install it"):
            place.provider().provision(place.order())

    def test_a_docker_that_does_not_run_is_told(self, place: Town) -> None:
        """Where Docker does not answer, checking says so and listing fails in a way that passes."""
        place.kind.set_fault("docker")
        provider = place.provider()
        (problem,) = provider.check(place.pool, place.join)
        assert "Is the docker daemon running?" in problem.what
        with pytest.raises(NotNow, match="Is the docker daemon running"):
            provider.observe()

    def test_a_silent_cluster_makes_the_listing_incomplete(self, place: Town) -> None:
        """While a whole cluster does not answer, nothing is concluded; it can be removed all the same."""
        provider = place.provider()
        provider.provision(place.order())
        place.kind.cluster(NAME).end(signal.SIGKILL)
        assert not provider.observe().complete
        with pytest.raises(NotNow, match="does not answer"):
            provider.launch(place.order())
        provider.remove(site())
        assert place.kind.clusters() == []
        assert provider.observe().complete

    def test_labels_alone_find_a_cluster_again(self, place: Town) -> None:
        """With burstd's files lost, the cluster is listed, taken up and removed by its labels."""
        before = place.provider()
        before.provision(place.order())
        (place.files_of(NAME) / "mark.json").unlink()
        provider = place.provider()
        assert [one.name for one in provider.observe().sites] == [NAME]
        provider.provision(place.order())
        provider.remove(site())
        assert place.kind.clusters() == []

    def test_a_broken_mark_counts_for_nothing(self, place: Town) -> None:
        """A mark that cannot be read is as none."""
        provider = place.provider()
        provider.provision(place.order())
        (place.files_of(NAME) / "mark.json").write_text('{"owner": ')
        assert [one.generation for one in provider.observe().sites] == [1]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "cannot be read"),
        ("a: [", "is not YAML"),
        ("kind: Cluster", "is not a configuration of kind"),
        ("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: 3", "not a list of mappings"),
        ("kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\nnodes: [{}, {}]", "more than one control-plane"),
    ],
)
def test_a_configuration_of_kind_that_cannot_be_used(tmp_path: Path, text: str | None, what: str) -> None:
    """A file that is none of kind's is a mistake of the options, with its path."""
    file = tmp_path / "kind.yaml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError, match=rf"^pools\[0\].options.config: .*{what}"):
        a_town(tmp_path).provider(config=str(file))


def test_an_option_that_there_is_not(tmp_path: Path) -> None:
    """A mistyped option is told with those that there are."""
    with pytest.raises(ConfigError, match=r"options.worker: there is no such option here .*workers"):
        a_town(tmp_path).provider(worker=1)


def test_what_kind_is_given(tmp_path: Path) -> None:
    """The configuration has one control-plane node, a worker for each host, and text alone in its labels."""
    place = a_town(tmp_path)
    content = yaml.safe_load(request.configuration(place.order(1), KindOptions(), {}))
    assert [node["role"] for node in content["nodes"]] == ["control-plane", "worker", "worker", "worker"]
    assert content["nodes"][0]["labels"]["burstd.dev/generation"] == "1"
    assert "name" not in content


def test_it_shows_what_it_would_make(tmp_path: Path) -> None:
    """What a burst's cluster would get can be rendered without kind."""
    place = a_town(tmp_path)
    provider = place.provider()
    assert isinstance(provider, Renders)
    kinds = [manifest["kind"] for manifest in provider.manifests(place.order())]
    switch = ["Lease", "ServiceAccount", "Role", "RoleBinding", "Deployment"]
    assert kinds == ["Namespace", *switch, "Secret", "Job", "MiniCluster"]


def a_town(directory: Path) -> Town:
    """Return a place whose kind is not called."""
    from fakes.kind import Workshop
    from kind_venue import papers

    join, pool = papers(directory)
    return Town(directory, Workshop(directory), join, pool)


def _removed(provider: Kind) -> bool:
    """Remove the site; the lock of a killed process is released a moment later."""
    try:
        provider.remove(site())
    except NotNow:
        return False
    return True
