package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
)

// ledger is what one hook has been told of each output.
type ledger map[string]mark

// mark is what a hook knows of an output: the content it was told of, or
// something that may be that or newer.
type mark struct {
	digest Digest
	sure   bool
}

const ledgerVersion = 1

// page is how a ledger is written: a digest in hexadecimal for each path, and
// "" for what is uncertain.
type page struct {
	Version int               `json:"version"`
	Told    map[string]string `json:"told"`
}

// encode writes the ledger down, all of it as uncertain where there is doubt.
func (l ledger) encode(doubt bool) ([]byte, error) {
	p := page{Version: ledgerVersion, Told: make(map[string]string, len(l))}
	for path, m := range l {
		p.Told[path] = ""
		if m.sure && !doubt {
			p.Told[path] = hex.EncodeToString(m.digest[:])
		}
	}
	data, err := json.Marshal(p)
	return append(data, '\n'), err
}

func decodeLedger(data []byte) (ledger, error) {
	var p page
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, err
	}
	if p.Version != ledgerVersion || p.Told == nil {
		return nil, fmt.Errorf("version %d, want %d", p.Version, ledgerVersion)
	}
	l := make(ledger, len(p.Told))
	for path, text := range p.Told {
		m := mark{sure: text != ""}
		if m.sure {
			if len(text) != hex.EncodedLen(len(m.digest)) {
				return nil, fmt.Errorf("a digest of %d characters", len(text))
			}
			if _, err := hex.Decode(m.digest[:], []byte(text)); err != nil {
				return nil, err
			}
		}
		l[path] = m
	}
	return l, nil
}

// ledgerPaths gives each hook its file, which is named for what the hook does
// and on what: one that does something else now has been told of nothing.
// Among equals their order decides.
func ledgerPaths(hooks []Hook) []string {
	seen := make(map[string]int)
	paths := make([]string, len(hooks))
	for i, h := range hooks {
		on := slices.Sorted(slices.Values(h.On))
		identity, _ := json.Marshal(append([]string{h.Action.String()}, on...)) // strings can be marshalled
		seen[string(identity)]++
		sum := sha256.Sum256(strconv.AppendInt(identity, int64(seen[string(identity)]), 10))
		paths[i] = filepath.Join(filepath.Dir(on[0]), ".podfacts-notified-"+hex.EncodeToString(sum[:6]))
	}
	return paths
}
