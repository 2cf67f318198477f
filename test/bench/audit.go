package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// request is one request in the audit log of the server, which writes it before it
// answers.
type request struct {
	verb, resource string
	pod            string        // to which the token is bound
	code           int           // of the answer
	received       time.Time     // by the server's clock, which is ours
	lasts          time.Duration // what a watch asks for
}

// mark is a moment in the audit log.
func (s *server) mark() (int64, error) {
	info, err := os.Stat(s.auditLog())
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// requests lists what a service account of the namespace has asked since a mark.
func (s *server) requests(since int64, account string) ([]request, error) {
	file, err := os.Open(s.auditLog())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Seek(since, io.SeekStart); err != nil {
		return nil, err
	}
	log, err := io.ReadAll(file)
	if err != nil {
		return nil, err
	}
	var all []request
	index := map[string]int{} // by audit id; a request has a line for each stage
	for line := range bytes.Lines(log) {
		var e struct {
			AuditID, RequestURI, Verb string
			User                      struct {
				Username string
				Extra    map[string][]string
			}
			ObjectRef                struct{ Resource string }
			ResponseStatus           struct{ Code int }
			RequestReceivedTimestamp time.Time
		}
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // half written
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return nil, err
		}
		if e.User.Username != "system:serviceaccount:shop:"+account {
			continue
		}
		i, known := index[e.AuditID]
		if !known {
			i = len(all)
			index[e.AuditID] = i
			r := request{verb: e.Verb, resource: e.ObjectRef.Resource, received: e.RequestReceivedTimestamp, lasts: asked(e.RequestURI)}
			if bound := e.User.Extra["authentication.kubernetes.io/pod-name"]; len(bound) > 0 {
				r.pod = bound[0]
			}
			all = append(all, r)
		}
		all[i].code = e.ResponseStatus.Code
	}
	return all, nil
}

func (s *server) auditLog() string { return filepath.Join(s.dir, "audit.log") }

// asked is how long a watch asks to last.
func asked(uri string) time.Duration {
	u, err := url.ParseRequestURI(uri)
	if err != nil {
		return 0
	}
	seconds, _ := strconv.Atoi(u.Query().Get("timeoutSeconds")) // none is zero
	return time.Duration(seconds) * time.Second
}
