#!/usr/bin/env bash
# Generates the stubs of proto/ with Debian's protoc (protobuf-compiler, protobuf-compiler-grpc).
#
#   clients/python/generate.sh [FOLDER]     FOLDER: where to, left out: grokbox/_generated beside this script
#
# Two things differ from what protoc makes by itself. Imports become relative, as the stubs live inside a package that is called
# grokbox too. And google.rpc becomes grokbox.rpc: the messages are the same on the wire, but under the original names they would
# collide in protobuf's one registry with googleapis-common-protos, where that is installed.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
proto="$(cd "$here/../../proto" && pwd)"
target="${1:-$here/grokbox/_generated}"
plugin="$(command -v grpc_python_plugin)"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/in/grokbox/rpc" "$work/out"
cp -r "$proto/grokbox/v1" "$work/in/grokbox/v1"
# A live connection is a WebSocket for pages; Python watches over gRPC.
rm "$work/in/grokbox/v1/live.proto"
for name in status error_details; do
  sed 's/^package google\.rpc;/package grokbox.rpc;/' "$proto/google/rpc/$name.proto" > "$work/in/grokbox/rpc/$name.proto"
done

cd "$work/in"
protoc --python_out="$work/out" grokbox/rpc/*.proto grokbox/v1/*.proto
# shellcheck disable=SC2046
protoc --plugin=protoc-gen-grpc_python="$plugin" --grpc_python_out="$work/out" $(grep -l '^service ' grokbox/v1/*.proto)

rm -rf "$target/v1" "$target/rpc"
mkdir -p "$target"
mv "$work/out/grokbox/v1" "$work/out/grokbox/rpc" "$target"
for folder in "$target" "$target/v1" "$target/rpc"; do
  : > "$folder/__init__.py"
done
sed -i -e 's/^from grokbox\.\(v1\|rpc\) import /from . import /' \
  -e "s/'grokbox\.\(v1\|rpc\)\.\([a-z_]*_pb2\)'/'grokbox._generated.\1.\2'/" "$target"/*/*.py
