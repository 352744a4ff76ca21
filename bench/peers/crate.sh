# SPDX-License-Identifier: MIT
# For the fetch.sh beside it: `unpack_crate NAME VERSION SHA256 FOLDER` puts a crate's files into FOLDER.

need() { command -v "$1" >/dev/null || { echo "fetch: needs $2 ($1)" >&2 && exit 1; }; }

unpack_crate() {
  need cargo "Rust"
  # cargo downloads the crate in order to print about it: there is no cargo command that only downloads one.
  (cd "$4" && cargo info --quiet "$1@$2" >/dev/null)
  local crate
  crate=$(find "${CARGO_HOME:-$HOME/.cargo}/registry/cache" -name "$1-$2.crate" | head -n 1)
  [ -n "$crate" ] || { echo "fetch: cargo has not kept $1 $2" >&2 && exit 1; }
  echo "$3  $crate" | sha256sum --check --quiet
  tar -xzf "$crate" -C "$4" --strip-components 1
}
