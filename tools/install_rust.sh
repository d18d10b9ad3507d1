#!/bin/sh
# Install one exact Rust where wheels are built: the installer is checked against its published hash, and rustup checks
# what it fetches in turn. Runs in the manylinux and musllinux containers and on macOS and Windows runners.
# A toolchain of that version that is already there is used as it is.
set -eu

RUST=1.95.0
RUSTUP=1.28.2

if command -v rustc >/dev/null 2>&1 && [ "$(rustc --version | cut -d ' ' -f 2)" = "$RUST" ]; then
  echo "Rust $RUST is here: $(command -v rustc)"
  exit 0
fi

if command -v rustup >/dev/null 2>&1; then # GitHub's macOS and Windows runners
  rustup toolchain install "$RUST" --profile minimal --no-self-update
  rustup default "$RUST"
  exit 0
fi

libc=gnu
if [ -e "/lib/ld-musl-$(uname -m).so.1" ]; then
  libc=musl
fi
target="$(uname -m)-unknown-linux-$libc"
case "$target" in
  x86_64-unknown-linux-gnu) sum=20a06e644b0d9bd2fbdbfd52d42540bdde820ea7df86e92e533c073da0cdd43c ;;
  aarch64-unknown-linux-gnu) sum=e3853c5a252fca15252d07cb23a1bdd9377a8c6f3efa01531109281ae47f841c ;;
  x86_64-unknown-linux-musl) sum=e6599a1c7be58a2d8eaca66a80e0dc006d87bbcf780a58b7343d6e14c1605cb2 ;;
  aarch64-unknown-linux-musl) sum=a97c8f56d7462908695348dd8c71ea6740c138ce303715793a690503a94fc9a9 ;;
  *)
    echo "install_rust: no installer is pinned for $(uname -s) $(uname -m)" >&2
    exit 1
    ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
url="https://static.rust-lang.org/rustup/archive/$RUSTUP/$target/rustup-init"
curl --proto '=https' --tlsv1.2 --fail --silent --show-error --location --retry 3 --output "$folder/rustup-init" "$url"
echo "$sum  $folder/rustup-init" | sha256sum -c -
chmod +x "$folder/rustup-init"
"$folder/rustup-init" -y --no-modify-path --profile minimal --default-toolchain "$RUST"
