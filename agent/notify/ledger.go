package notify

import (
	"cmp"
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
	Start   map[string]string `json:"start,omitempty"` // see start.last
}

// encode writes the ledger down, all of it as uncertain where there is doubt.
func (l ledger) encode(doubt bool, start map[string]string) ([]byte, error) {
	p := page{Version: ledgerVersion, Told: make(map[string]string, len(l)), Start: start}
	for path, m := range l {
		p.Told[path] = ""
		if m.sure && !doubt {
			p.Told[path] = hex.EncodeToString(m.digest[:])
		}
	}
	data, err := json.Marshal(p)
	return append(data, '\n'), err
}

func decodeLedger(data []byte) (l ledger, start map[string]string, err error) {
	var p page
	if err := json.Unmarshal(data, &p); err != nil {
		return nil, nil, err
	}
	if p.Version != ledgerVersion || p.Told == nil {
		return nil, nil, fmt.Errorf("version %d, want %d", p.Version, ledgerVersion)
	}
	l = make(ledger, len(p.Told))
	for path, text := range p.Told {
		m := mark{sure: text != ""}
		if m.sure {
			if len(text) != hex.EncodedLen(len(m.digest)) {
				return nil, nil, fmt.Errorf("a digest of %d characters", len(text))
			}
			if _, err := hex.Decode(m.digest[:], []byte(text)); err != nil {
				return nil, nil, err
			}
		}
		l[path] = m
	}
	return l, p.Start, nil
}

// ledgerPrefix begins the names of ledgers.
const ledgerPrefix = ".podfacts-notified-"

// ledgerPaths gives each hook its file, which is named for what the hook does
// and on what: one that does something else now has been told of nothing.
// Among equals their order decides. dir may be empty; see Notifier.Dir.
func ledgerPaths(dir string, hooks []Hook) []string {
	seen := make(map[string]int)
	paths := make([]string, len(hooks))
	for i, h := range hooks {
		on := slices.Sorted(slices.Values(h.On))
		id := h.identity(on)
		seen[id]++
		sum := sha256.Sum256(strconv.AppendInt([]byte(id), int64(seen[id]), 10))
		paths[i] = filepath.Join(cmp.Or(dir, filepath.Dir(on[0])), ledgerPrefix+hex.EncodeToString(sum[:12]))
	}
	return paths
}

// identity is all that a hook does, secrets included, as only a digest of it may
// be seen.
func (h Hook) identity(on []string) string {
	action, _ := json.Marshal(h.Action) // what cannot be marshalled has a name still
	id, _ := json.Marshal([]any{h.Action.String(), string(action), h.Text, on})
	return string(id)
}
