"""What GKE answers where it refuses, in its own shape: a gRPC code, a text, and often an ErrorInfo."""

from __future__ import annotations

from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode
from grpc_status import rpc_status


@dataclass(frozen=True)
class Refused(Exception):
    """A call is refused. `reason` and `permission` are those of google.rpc.ErrorInfo, "" for none."""

    code: StatusCode
    text: str
    reason: str = ""
    permission: str = ""

    def abort(self, context: grpc.ServicerContext) -> None:
        """Answer a call with this."""
        details = [_packed(self.reason, self.permission)] if self.reason else []
        status = status_pb2.Status(code=self.code.value[0], message=self.text, details=details)
        context.abort_with_status(rpc_status.to_status(status))


def absent(path: str) -> Refused:
    return Refused(StatusCode.NOT_FOUND, f"Not found: {path}.")


def exists(path: str) -> Refused:
    return Refused(StatusCode.ALREADY_EXISTS, f"Already exists: {path}.")


def invalid(text: str) -> Refused:
    return Refused(StatusCode.INVALID_ARGUMENT, text)


def busy(cluster: str, operation: str, kind: str) -> Refused:
    text = f"Cluster {cluster} is running incompatible operation {operation} ({kind}); please wait."
    return Refused(StatusCode.FAILED_PRECONDITION, text, "CLUSTER_ALREADY_HAS_OPERATION")


def stale_labels(cluster: str) -> Refused:
    text = f"Labels could not be set on {cluster}: the label fingerprint does not match."
    return Refused(StatusCode.FAILED_PRECONDITION, text)


def unknown_project(project: str) -> Refused:
    text = f"Permission denied on resource project {project}."
    return Refused(StatusCode.PERMISSION_DENIED, text, "CONSUMER_INVALID")


def unknown_zone(zone: str) -> Refused:
    text = f"Permission denied on 'locations/{zone}' (or it may not exist)."
    return Refused(StatusCode.PERMISSION_DENIED, text)


def disabled(project: str) -> Refused:
    text = f"Kubernetes Engine API has not been used in project {project} before or it is disabled."
    return Refused(StatusCode.PERMISSION_DENIED, text, "SERVICE_DISABLED")


def unauthenticated() -> Refused:
    text = "Request had invalid authentication credentials. Expected OAuth 2 access token."
    return Refused(StatusCode.UNAUTHENTICATED, text, "ACCESS_TOKEN_EXPIRED")


def _packed(reason: str, permission: str) -> AnyMessage:
    packed, told = AnyMessage(), {"service": "container.googleapis.com"}
    told |= {"permission": permission} if permission else {}
    packed.Pack(error_details_pb2.ErrorInfo(reason=reason, domain="googleapis.com", metadata=told))
    return packed
