"""The image of the edge: described here, built by `cdk deploy`, never by synthesis."""

from pathlib import Path

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as ecr_assets
from constructs import Construct

ROOT = Path(__file__).parent.parent


def edge_image(scope: Construct, construct_id: str) -> ecr_assets.DockerImageAsset:
    """Return the image; .dockerignore lets in what edge/Dockerfile copies and nothing else."""
    return ecr_assets.DockerImageAsset(
        scope,
        construct_id,
        directory=str(ROOT),
        file="edge/Dockerfile",
        ignore_mode=IgnoreMode.DOCKER,
        # What the tests and the benchmarks ran on.
        platform=ecr_assets.Platform.LINUX_AMD64,
    )
