"""What an operator chooses for one deployment, read from CDK context and checked before synthesis.

Every context key is `ovc:` and the name of a member below: in cdk.json, or on the command line as
`-c ovc:nodes=2`. What calls and the API do is the settings document of model/settings.py, given
whole as `ovc:settings`; the deployment adds its own account and region to it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

from infra import setting_checks as checks
from infra.addressing import EPHEMERAL, check_addressing, check_instance_type
from infra.capacity import HELD_BY_CPU, Held, held_by
from infra.context import READERS
from infra.instance_types import host_for
from infra.profiles import PROFILES, SMALL
from infra.setting_checks import CONTEXT_PREFIX, DeploymentProblemError
from model.drain import LONGEST_DRAIN_S, MAX_DRAIN_S
from model.settings import Settings, SettingsError
from model.tables import DEFAULT_PREFIX, carrier_secret_name

PLACEHOLDER_DOMAIN = "voiceconnector.example.com"
"""Lets the templates be made before a domain has been chosen."""

_OF_THE_DEPLOYMENT = ("account_id", "region")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSettings:
    """One deployment."""

    prefix: str = DEFAULT_PREFIX
    """Starts the names of stacks, tables, bucket and secret; deployments of one account differ."""
    settings: Mapping[str, object] = field(default_factory=lambda: {"domain": PLACEHOLDER_DOMAIN})
    """The settings document, as far as it differs from the defaults of model/settings.py."""
    profile: str = "small"
    """Name of the sizes that from_context takes for the next five members where they are not given
    themselves (infra/profiles.py)."""
    nodes: int = SMALL.nodes
    """Edge tasks that run, with max_nodes the least number of them; 0 stops the edge and keeps
    everything else."""
    cpu: int = SMALL.cpu
    """CPU units of a task."""
    memory_mib: int = SMALL.memory_mib
    """Memory of a task."""
    media_workers: int = SMALL.media_workers
    """Media processes of a task."""
    zones: int = SMALL.zones
    """Availability zones that tasks are spread over, 2 or 3."""
    max_nodes: int = 0
    """Edge tasks that scaling may ask for, those that drain included; 0: no scaling, always
    `nodes`."""
    calls_per_node: int = 0
    """Calls of a node, on an average of those that take new ones, that scaling aims at; 0: what
    half of a task's CPU does (infra/capacity.py)."""
    sized_for: str = "srtp"
    """Media that decides how many calls a task is taken to hold: srtp, encrypted on one side of
    each call, or rtp where no connector is encrypted."""
    architecture: str = "x86_64"
    """What the tasks' processors are, x86_64 or arm64; the image is built for it."""
    edge_image: str = ""
    """Image of the edge that is there already, for this architecture; empty: it is built."""
    addressing: str = EPHEMERAL
    """How nodes get their public addresses: ephemeral, with every task on Fargate another one, or
    fixed, Elastic IPs on EC2 instances, for carriers and firewalls that know peers by address."""
    elastic_ip_count: int = 0
    """Elastic IPs that the stack allocates and never gives back; with elastic_ips two for each
    node."""
    elastic_ips: tuple[str, ...] = ()
    """Allocation ids of Elastic IPs that there are already."""
    instance_type: str = ""
    """What the hosts of nodes with fixed addresses are; empty: as cpu and memory_mib ask for."""
    hosted_zone_id: str = ""
    """Route 53 zone of the domain, in the same account; empty: somebody else keeps the records."""
    max_drain_s: int = int(MAX_DRAIN_S)
    """How long calls may go on once their node is told to drain, in seconds. CloudFormation waits
    three hours for old tasks to go, and rolls a deployment of the edge back after that."""
    tls_secret: str = ""
    """Name or ARN of a secret of yours, in this account and region, with the certificate that nodes
    show over TLS, its chain and its key (docs/certificates.md); empty: port 5061 stays closed."""
    secret_kms_keys: tuple[str, ...] = ()
    """ARNs of KMS keys of yours that encrypt this secret or those of carriers' passwords; without
    one Secrets Manager has its own."""
    vpc_cidr: str = "10.60.0.0/20"
    """Addresses of the edge's own VPC; they matter only to whoever peers with it."""
    api_concurrency: int = 20
    """Requests that the API answers at the same time: its endpoint is public, this caps its bill.
    0 reserves nothing, for accounts whose own limit is too low for a reservation."""
    api_domain: str = ""
    """Domain of its own that the API is reached under: a load balancer stands before it then, in a
    stack of its own, and there is no Function URL. Empty: the Function URL."""
    api_certificate: str = ""
    """ARN of a certificate for that domain, in AWS Certificate Manager of this region."""
    api_waf: int = 0
    """Requests that an address may make of the own domain in five minutes: a web application
    firewall turns away what is more, or what AWS's rules know as hostile. 0: no firewall."""
    kms_key: str = "aws"
    """Whose key encrypts what the deployment keeps: those that AWS manages, or `customer`, one that
    is made for it. `permitted` stands between the two, on the way there and back: that key is made
    and may be used, and encrypts nothing new (docs/security.md)."""
    access_logs: bool = False
    """Whether requests to the bucket of records are logged, in a bucket for such logs."""
    cdr_retention_days: int = 0
    """Age at which call detail records are deleted; 0 keeps them for ever."""
    log_retention_days: int = 90
    """Age at which log lines of the edge and of our functions are deleted, and access logs."""
    alarm_topic: str = ""
    """ARN of an SNS topic of yours that alarms are told to."""
    alarm_email: str = ""
    """Address that alarms are told to, by a topic that is made for it; of the two one at most."""
    runbooks: str = "docs/operations.md"
    """Where operators read docs/operations.md: what links in alarms and dashboard begin with."""
    cdr_buckets: tuple[str, ...] = ()
    """Buckets of other accounts that records may go to; one of the own account needs no entry."""
    cdr_kms_keys: tuple[str, ...] = ()
    """ARNs of the keys that encrypt objects in those buckets, where such keys do."""

    def __post_init__(self) -> None:
        """Refuse what would fail, or do the wrong thing, only in the account."""
        checks.check_name(
            "prefix", self.prefix, checks.PREFIX, "2 to 16 lower-case letters, digits, hyphens"
        )
        checks.check_choice("profile", self.profile, PROFILES)
        checks.check_choice("architecture", self.architecture, checks.ARCHITECTURES)
        checks.check_range("zones", self.zones, 2, checks.MOST_ZONES)
        checks.check_range("nodes", self.nodes, 0, checks.MOST_NODES)
        checks.check_choice("sized_for", self.sized_for, HELD_BY_CPU)
        checks.check_range("media_workers", self.media_workers, 1, 64)
        checks.check_range("max_drain_s", self.max_drain_s, 60, int(LONGEST_DRAIN_S))
        checks.check_range("api_concurrency", self.api_concurrency, 0, 1_000)
        checks.check_range("cdr_retention_days", self.cdr_retention_days, 0, 36_500)
        checks.check_retention(self.log_retention_days)
        checks.check_name(
            "runbooks", self.runbooks, checks.PAGE, "the address of a page, without spaces"
        )
        self._check_alarms()
        checks.check_size(self.cpu, self.memory_mib)
        checks.check_network(self.vpc_cidr)
        checks.check_front(self.api_domain, self.api_certificate, self.api_waf)
        checks.check_choice("kms_key", self.kms_key, checks.KEYS)
        checks.check_image(self.edge_image)
        check_addressing(
            self.addressing,
            most_nodes=max(self.nodes, self.max_nodes),
            count=self.elastic_ip_count,
            given=self.elastic_ips,
            instance_type=self.instance_type,
        )
        check_instance_type(self.instance_type, self.architecture, self.cpu)
        if self.hosted_zone_id:
            wanted = "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, without /hostedzone/"
            checks.check_name("hosted_zone_id", self.hosted_zone_id, checks.ZONE, wanted)
        if self.tls_secret:
            checks.check_name("tls_secret", self.tls_secret, checks.SECRET, checks.SECRET_WANTED)
        for bucket in self.cdr_buckets:
            checks.check_name("cdr_buckets", bucket, checks.BUCKET, "names of buckets")
        for key in self.cdr_kms_keys:
            checks.check_name(
                "cdr_kms_keys", key, checks.KMS_KEY, "ARNs of keys, arn:aws:kms:...:key/..."
            )
        for key in self.secret_kms_keys:
            checks.check_name(
                "secret_kms_keys", key, checks.KMS_KEY, "ARNs of keys, arn:aws:kms:...:key/..."
            )
        self._check_document()
        admitted = self.operator.admission.concurrent_calls
        checks.check_scaling(self.nodes, self.max_nodes, self.calls_per_node, admitted)

    @property
    def document(self) -> Mapping[str, object]:
        """Return the settings document, with as many calls for a node as its media processes can
        do, unless the operator has said how many."""
        admission = self.settings.get("admission", {})
        # What is no section is refused with everything else.
        if not isinstance(admission, Mapping) or "concurrent_calls" in admission:
            return self.settings
        admission = {**admission, "concurrent_calls": self.held.at_most}
        return {**self.settings, "admission": admission}

    @property
    def operator(self) -> Settings:
        """Return the settings document with its defaults; account and region are not in it."""
        return Settings.from_json(json.dumps(self.document))

    @property
    def held(self) -> Held:
        """Return how many calls a task's CPU holds."""
        return held_by(self.cpu, self.media_workers, self.sized_for)

    @property
    def host_type(self) -> str | None:
        """Return the EC2 instance that each node runs on, None on Fargate."""
        if self.addressing == EPHEMERAL:
            return None
        return self.instance_type or host_for(self.cpu, self.memory_mib, self.architecture)

    @property
    def addresses(self) -> int:
        """Return how many Elastic IPs nodes may have."""
        return self.elastic_ip_count + len(self.elastic_ips)

    @property
    def is_scaled(self) -> bool:
        """Tell whether the number of nodes follows the calls."""
        return self.nodes > 0 and self.max_nodes > 0

    @property
    def calls_aimed_at(self) -> int:
        """Return how many calls of an average node scaling aims at.

        An operator who lets nodes take fewer calls than they could has as much room above it.
        """
        admitted = self.operator.admission.concurrent_calls
        part = admitted * self.held.at_half // self.held.at_most
        return self.calls_per_node or max(1, min(self.held.at_half, part))

    @property
    def has_customer_key(self) -> bool:
        """Tell whether there is a key of the deployment's own, which its roles may use."""
        return self.kms_key != "aws"

    @property
    def encrypts_by_customer_key(self) -> bool:
        """Tell whether that key encrypts what the deployment keeps from now on."""
        return self.kms_key == "customer"

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> "DeploymentSettings":
        """Read this deployment's keys out of all of CDK's context.

        What is not given is as its profile has it, or else as the default of its member. Raises
        DeploymentProblemError.
        """
        readers = {CONTEXT_PREFIX + member.name: READERS[member.type] for member in fields(cls)}
        given: dict[str, object] = {}
        for key, value in context.items():
            if key in readers:
                given[key.removeprefix(CONTEXT_PREFIX)] = readers[key](key, value)
            elif key.startswith(CONTEXT_PREFIX):
                raise DeploymentProblemError(f"{key} is unknown; known are {', '.join(readers)}")
        # An unknown name is refused with everything else.
        profile = PROFILES.get(str(given.get("profile", "small")), SMALL)
        # Each reader returns its member's own type.
        return cls(**{**asdict(profile), **given})

    def _check_alarms(self) -> None:
        topic, email = self.alarm_topic, self.alarm_email
        if topic:
            checks.check_name(
                "alarm_topic", topic, checks.TOPIC, "the ARN of a topic, arn:aws:sns:..."
            )
        if email:
            checks.check_name("alarm_email", email, checks.EMAIL, "one e-mail address")
        if topic and email:
            checks.refuse(
                "alarm_email", "there is alarm_topic as well", "one: let the topic write it"
            )

    def _check_document(self) -> None:
        for name in _OF_THE_DEPLOYMENT:
            if name in self.settings:
                checks.refuse("settings", f"it has {name}", "none: the AWS account decides it")
        if "domain" not in self.settings:
            checks.refuse(
                "settings", "it has no domain", "one whose names you can point at the edge"
            )
        try:
            operator = self.operator
        except SettingsError as error:
            raise DeploymentProblemError(f"{CONTEXT_PREFIX}settings: {error}") from error
        for carrier in operator.carriers:
            if carrier.password and not checks.SECRET.fullmatch(carrier.secret_id or ""):
                name = carrier_secret_name(self.prefix, carrier.name)
                found = f"the password of {carrier.name!r} is in no secret"
                wanted = f"secret:{name}, or the name or whole ARN of another one"
                checks.refuse("settings", found, wanted)
        if operator.lab_mode:
            checks.refuse("settings", "lab_mode is true", "false: it opens the edge (EDGE S11)")
        checks.check_name(
            "settings.domain", operator.domain, checks.DOMAIN, "a domain in lower case"
        )
        first, last = operator.media.first_port, operator.media.last_port
        lowest, highest = checks.LOWEST_MEDIA_PORT, checks.HIGHEST_MEDIA_PORT
        if not lowest <= first < last <= highest:
            wanted = f"a range inside {lowest} to {highest} (EDGE Q1)"
            checks.refuse("settings", f"media has the ports {first} to {last}", wanted)
