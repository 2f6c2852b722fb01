#!/bin/sh
# Deploys data and API to the LocalStack that AWS_ENDPOINT_URL names, imports numbers and makes an
# access key. Run from the root of the project, with cdklocal on the path.
set -eu
SETTINGS='{"domain": "voiceconnector.localhost", "api": {"private_addresses": true}}'

cdklocal bootstrap aws://000000000000/us-east-1
cdklocal deploy ovc-data ovc-api --app "python app.py" --context "ovc:settings=$SETTINGS" \
    --require-approval never
python -m cli.main numbers import examples/localstack/pool.csv --prefix ovc --region us-east-1
python -m cli.main keys create --description compose --prefix ovc --region us-east-1
