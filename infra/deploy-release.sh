#!/bin/sh
# Usage: sh deploy.sh BUCKET [STACK] [PARAMETER=VALUE ...]
# Uploads the code to a bucket of yours, and deploys the stack. Needs the AWS CLI and nothing else.
# With TEMPLATE=collector-with-forwarder.template.json the stack has a forwarder; AnalyticsUrl=https://… is then required.
set -eu
bucket=$1
stack=${2:-SentinelOneCollector}
shift "$(($# > 2 ? 2 : $#))"
cd "$(dirname "$0")"
sha256sum -c --quiet SHA256SUMS || shasum -a 256 -c --quiet SHA256SUMS
code=$(ls sentinelone-collector-*.zip)
aws s3 cp --quiet "$code" "s3://$bucket/$code"
aws cloudformation deploy --template-file "${TEMPLATE:-collector.template.json}" --stack-name "$stack" \
  --s3-bucket "$bucket" --capabilities CAPABILITY_IAM --no-fail-on-empty-changeset \
  --parameter-overrides "CodeBucket=$bucket" "CodeKey=$code" "$@"
