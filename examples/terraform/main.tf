# One SIP trunk with every resource that Terraform's AWS provider has for Voice Connectors.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0, < 7.0"
    }
  }
}

variable "endpoint" {
  description = "URL of the management API: AWS_ENDPOINT_URL_CHIME_SDK_VOICE of `ovc env`"
  type        = string
}

variable "name" {
  description = "Name of the trunk"
  type        = string
  default     = "terraform example"
}

variable "pbx" {
  description = "IPv4 address of the PBX; the local run allows this machine"
  type        = string
  default     = "127.0.0.1"
}

variable "sip_password" {
  description = "Password of the SIP user `pbx`"
  type        = string
  sensitive   = true
}

variable "calls_per_second" {
  description = "How many calls may go out in a second"
  type        = number
  default     = 1
}

variable "cdr_bucket" {
  description = "Bucket that gets the call detail records: OVC_CDR_BUCKET of `ovc env`"
  type        = string
}

# Keys and region come from the environment. Both services are needed: the provider asks STS for
# the account, which is the id of the global settings.
provider "aws" {
  endpoints {
    chimesdkvoice = var.endpoint
    sts           = var.endpoint
  }
}

resource "aws_chime_voice_connector" "trunk" {
  name               = var.name
  require_encryption = false
  tags               = { made-by = "terraform" }
}

resource "aws_chime_voice_connector_origination" "trunk" {
  voice_connector_id = aws_chime_voice_connector.trunk.id

  route {
    host     = var.pbx
    port     = 5060
    protocol = "UDP"
    priority = 1
    weight   = 1
  }

  route {
    host     = var.pbx
    port     = 5070
    protocol = "UDP"
    priority = 2
    weight   = 1
  }
}

resource "aws_chime_voice_connector_termination" "trunk" {
  voice_connector_id = aws_chime_voice_connector.trunk.id
  calling_regions    = ["US", "CA"]
  cidr_allow_list    = ["${var.pbx}/32"]
  cps_limit          = var.calls_per_second
}

resource "aws_chime_voice_connector_termination_credentials" "trunk" {
  voice_connector_id = aws_chime_voice_connector.trunk.id

  credentials {
    username = "pbx"
    password = var.sip_password
  }

  depends_on = [aws_chime_voice_connector_termination.trunk]
}

resource "aws_chime_voice_connector_logging" "trunk" {
  voice_connector_id       = aws_chime_voice_connector.trunk.id
  enable_sip_logs          = true
  enable_media_metric_logs = false
}

resource "aws_chime_voice_connector_streaming" "trunk" {
  voice_connector_id             = aws_chime_voice_connector.trunk.id
  disabled                       = true
  data_retention                 = 24
  streaming_notification_targets = ["EventBridge"]
}

resource "aws_chime_voice_connector_group" "trunks" {
  name = "terraform example"

  connector {
    voice_connector_id = aws_chime_voice_connector.trunk.id
    priority           = 1
  }
}

resource "aws_chimesdkvoice_global_settings" "account" {
  voice_connector {
    cdr_bucket = var.cdr_bucket
  }
}

output "connector_id" {
  value = aws_chime_voice_connector.trunk.id
}

output "connector_host" {
  description = "Where the PBX sends its calls"
  value       = aws_chime_voice_connector.trunk.outbound_host_name
}

output "group_id" {
  value = aws_chime_voice_connector_group.trunks.id
}
