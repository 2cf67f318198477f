package cluster

import (
	"fmt"
	"os"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRequestsAreCounted(t *testing.T) {
	t.Parallel()
	account, client := newAccount(t, "counted", TokenOptions{})
	if err := account.Grant(t.Context(), "counted", read("configmaps")); err != nil {
		t.Fatal(err)
	}
	resource := client.Resource(configMaps).Namespace("counted")
	get := func() { _, _ = resource.Get(t.Context(), "none", metav1.GetOptions{}) }

	get() // before the mark, which does not count
	mark, err := shared.Mark()
	if err != nil {
		t.Fatal(err)
	}
	get()
	get()
	byName := metav1.ListOptions{FieldSelector: "metadata.name=settings"}
	if _, err := resource.List(t.Context(), byName); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Resource(namespaces).Get(t.Context(), "counted", metav1.GetOptions{}); err == nil {
		t.Error("a namespace was read without a grant")
	}
	watch, err := resource.Watch(t.Context(), byName)
	if err != nil {
		t.Fatal(err)
	}

	requests, err := shared.Requests(mark, account.Username())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"get configmaps counted/none 404",
		"get configmaps counted/none 404",
		"list configmaps counted/settings 200",
		"get namespaces counted/counted 403",
		"watch configmaps counted/settings 200",
	}
	if got := lines(requests); !slices.Equal(got, want) {
		t.Errorf("requests:\n got %q\nwant %q", got, want)
	}
	if last := requests[len(requests)-1]; last.Stage != "ResponseStarted" {
		t.Errorf("an open watch is at stage %s", last.Stage)
	}
	watch.Stop()
	eventually(t, func() error {
		requests, err := shared.Requests(mark, account.Username())
		if err != nil {
			return err
		}
		if last := requests[len(requests)-1]; last.Stage != "ResponseComplete" || len(requests) != len(want) {
			return fmt.Errorf("after the watch: %d requests, the last at stage %s", len(requests), last.Stage)
		}
		return nil
	})
	all, err := shared.Requests(mark, "")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < len(want) {
		t.Errorf("%d requests of all users, %d of one", len(all), len(want))
	}
}

func lines(requests []Request) []string {
	var all []string
	for _, r := range requests {
		all = append(all, r.String())
	}
	return all
}

// TestMarkInALine marks the log while the server writes a line of it.
func TestMarkInALine(t *testing.T) {
	t.Parallel()
	c := &Cluster{dir: t.TempDir()}
	event := func(id string) string {
		return fmt.Sprintf(`{"auditID":%q,"stage":"RequestReceived","verb":"get","requestURI":"/%s"}`+"\n", id, id)
	}
	log := event("before") + event("meanwhile") + event("after")
	for written := range len(event("before") + event("meanwhile")) {
		if err := os.WriteFile(c.auditLog(), []byte(log[:written]), 0o600); err != nil {
			t.Fatal(err)
		}
		mark, err := c.Mark()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(c.auditLog(), []byte(log), 0o600); err != nil {
			t.Fatal(err)
		}
		requests, err := c.Requests(mark, "")
		if err != nil {
			t.Fatalf("%d bytes: %v", written, err)
		}
		want := 3
		if written >= len(event("before")) {
			want = 2
		}
		if len(requests) != want || requests[len(requests)-1].URI != "/after" {
			t.Errorf("%d bytes: %v; want %d", written, requests, want)
		}
	}
}
