# Runs every fuzz target of some modules for a while, or lists them:
#
#	sh test/tools/fuzz.sh 10s MODULE…
#	sh test/tools/fuzz.sh list MODULE…
#
# A module is a directory with a go.mod. GO names the go command.
set -eu
GO=${GO:-go}
time=$1
shift

# list prints module, package and name of each target.
list() {
	for module; do
		packages=$(cd "$module" && $GO list -f '{{.ImportPath}} {{.Dir}}' ./...)
		echo "$packages" | while read -r package dir; do
			for file in "$dir"/*_test.go; do
				[ -f "$file" ] || continue
				sed -n "s|^func \(Fuzz[A-Za-z0-9_]*\)(.*|$module $package \1|p" "$file"
			done
		done
	done
}

# fuzz runs one target and keeps what it says in $log.
fuzz() {
	{
		(cd "$1" && $GO test -run '^$' -fuzz "^$3\$" -fuzztime "$time" "$2" 2>&1) </dev/null || echo "exit $?" >"$log.failed"
	} | tee "$log"
	[ ! -e "$log.failed" ] || { rm "$log.failed" && return 1; }
}

# interrupted reports whether a run failed only because its time was up while a
# worker was busy: go.dev/issue/75804, mended in Go 1.27.
interrupted() {
	grep -q '^ *context deadline exceeded$' "$log" && ! grep -q 'Failing input written' "$log"
}

if [ "$time" = list ]; then
	list "$@"
	exit
fi
dir=$(mktemp -d)
log=$dir/log
trap 'rm -rf "$dir"' EXIT
list "$@" >"$dir/targets"
while read -r module package target; do
	echo "== fuzz $package $target"
	for left in 4 3 2 1 0; do
		fuzz "$module" "$package" "$target" && continue 2
		interrupted && [ "$left" -gt 0 ] || exit 1
		echo "== fuzz $package $target, again: its time was up at a bad moment"
	done
done <"$dir/targets"
