"""The image of the edge: one that is there, or one that `cdk deploy` builds, never synthesis."""

import re
from pathlib import Path

from aws_cdk import ArnFormat, IgnoreMode, Stack
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.settings import DeploymentSettings

ROOT = Path(__file__).parent.parent

_PRIVATE = re.compile(
    r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/"
    r"(?P<repository>[^:@]+)"
)
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_PLATFORMS = {
    # What the tests and the benchmarks ran on.
    "x86_64": ecr_assets.Platform.LINUX_AMD64,
    "arm64": ecr_assets.Platform.LINUX_ARM64,
}


def edge_image(
    scope: Construct, construct_id: str, *, settings: DeploymentSettings, puller: iam.Role
) -> ecs.ContainerImage:
    """Return the image; `puller` may fetch it afterwards."""
    if settings.edge_image:
        _permit_pulling(Stack.of(scope), settings.edge_image, puller)
        return ecs.ContainerImage.from_registry(settings.edge_image)
    # .dockerignore lets in what edge/Dockerfile copies and nothing else.
    asset = ecr_assets.DockerImageAsset(
        scope,
        construct_id,
        directory=str(ROOT),
        file="edge/Dockerfile",
        ignore_mode=IgnoreMode.DOCKER,
        platform=_PLATFORMS[settings.architecture],
    )
    return ecs.ContainerImage.from_docker_image_asset(asset)


def _permit_pulling(stack: Stack, image: str, puller: iam.Role) -> None:
    """Give the rights that an image in a private repository of ECR takes; others take none.

    A repository of another account has to let this one in by its own policy as well.
    """
    private = _PRIVATE.match(image)
    if private is None:
        return
    repository = stack.format_arn(
        service="ecr",
        account=private["account"],
        region=private["region"],
        resource="repository",
        resource_name=private["repository"],
        arn_format=ArnFormat.SLASH_RESOURCE_NAME,
    )
    for actions, resource in ((_PULL, repository), (["ecr:GetAuthorizationToken"], "*")):
        puller.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
