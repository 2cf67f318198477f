package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/podfacts/podfacts/test/cluster/node"
	"github.com/podfacts/podfacts/test/cluster/suite"
)

const web = `apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  containers:
  - name: main
    image: busybox:1.37
    command: [sh, -c, "echo $HOSTNAME >/tmp/index.html; trap exit TERM; httpd -f -p 80 -h /tmp & wait"]
    resources: {requests: {cpu: 50m, memory: 16Mi}, limits: {cpu: 100m, memory: 32Mi}}
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
`

// TestNode tries what the node itself offers to scenarios. The pod lives through all of it.
func TestNode(t *testing.T) {
	n := shared.Node(t) // not in parallel, since it stops the kubelet and the API server
	ns := shared.Namespace(t)
	ns.Apply(web)
	pod := ns.AwaitPod("app=web", suite.Ready)
	container := pod.Status.ContainerStatuses[0].ContainerID

	client := &http.Client{Transport: &http.Transport{DialContext: n.DialContext, DisableKeepAlives: true}}
	response, err := client.Get("http://" + pod.Status.PodIP + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "web\n" {
		t.Errorf("the pod serves %q, %v", text, err)
	}

	start := time.Now()
	if err := n.RestartKubelet(t.Context()); err != nil {
		t.Fatal(err)
	}
	ns.Measure("kubelet restarted and ready", time.Since(start))

	if err := n.StopServer(); err != nil {
		t.Fatal(err)
	}
	if _, err := shared.Kubectl(t.Context(), "get", "--raw", "/version"); err == nil {
		t.Error("a stopped API server answers")
	}
	if err := n.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}

	const ask = "wget -O- http://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT 2>&1 || true" // which speaks TLS
	var answer string
	ns.Await("the kubelet, which has to hear of its pods again", func() (err error) {
		answer, err = shared.Kubectl(t.Context(), "--namespace", ns.Name, "exec", "web", "--", "sh", "-c", ask)
		return err
	})
	if !strings.Contains(answer, "400 Bad Request") {
		t.Errorf("in the container, the API server answers %q", answer)
	}

	limits := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("200m")}
	start = time.Now()
	ns.Resize("web", "main", corev1.ResourceRequirements{Limits: limits})
	pod = ns.AwaitPod("app=web", func(p *corev1.Pod) error {
		status := p.Status.ContainerStatuses[0]
		if status.Resources == nil || !status.Resources.Limits.Cpu().Equal(*limits.Cpu()) {
			return fmt.Errorf("resources are %v", status.Resources)
		}
		return nil
	})
	ns.Measure("resize to container", time.Since(start))
	if now := pod.Status.ContainerStatuses[0]; now.ContainerID != container || now.RestartCount > 0 {
		t.Errorf("the container was %s and is %s, restarted %d times", container, now.ContainerID, now.RestartCount)
	}
	if name := ns.Exec("web", "main", "hostname"); name != "web" {
		t.Errorf("in the container, the host name is %q", name)
	}
}

// helperNode has this test binary only start a node, until its standard input ends.
const helperNode = "E2E_HELPER_NODE"

func ownNode() int {
	n, err := node.Start(context.Background(), node.Options{})
	if err != nil {
		return fail(err)
	}
	fmt.Println(n.Dir())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := n.Stop(); err != nil {
		return fail(err)
	}
	return 0
}

// TestKilledRun kills a test that has a node, as a timeout would. All its processes end,
// and the next node that starts removes what else there was of it.
func TestKilledRun(t *testing.T) {
	t.Parallel()
	shared.Node(t) // or none can be started here
	ns := shared.Namespace(t)
	temp := t.TempDir()
	var dirs []string
	for _, kill := range []bool{true, false} {
		cmd, stdin, dir := startNode(t, temp)
		dirs = append(dirs, dir)
		if len(processes(t, dir)) < 6 {
			t.Errorf("the processes of a node: %q", processes(t, dir))
		}
		if kill {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		} else if err := errors.Join(stdin.Close(), cmd.Wait()); err != nil {
			t.Error(err)
		}
		ns.Await("the end of all processes of "+dir, func() error {
			if left := processes(t, dir); len(left) > 0 {
				return fmt.Errorf("still running: %q", left)
			}
			return nil
		})
		if kill {
			continue
		}
		for _, dir := range dirs {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %v", dir, err)
			}
		}
	}
	left, err := filepath.Glob("/sys/fs/cgroup/podfacts-node-*")
	if err != nil {
		t.Fatal(err)
	}
	more, err := filepath.Glob("/sys/fs/cgroup/*/podfacts-node-*")
	if err != nil {
		t.Fatal(err)
	}
	for _, cgroup := range append(left, more...) {
		if pid := strings.Split(filepath.Base(cgroup), "-")[2]; !exists("/proc/" + pid) {
			t.Errorf("still there: %s", cgroup)
		}
	}
}

// startNode starts a node in another process and returns the directory it is in.
func startNode(t *testing.T, temp string) (cmd *exec.Cmd, stdin io.Closer, dir string) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), executable)
	cmd.Env = append(os.Environ(), helperNode+"=1", "TMPDIR="+temp)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("a node in another process: %v", err)
	}
	return cmd, in, strings.TrimSpace(line)
}

// processes are those that have a directory in their arguments.
func processes(t *testing.T, dir string) (found []string) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, _ := os.ReadFile(file) // it may be gone by now
		if line := strings.ReplaceAll(string(text), "\x00", " "); strings.Contains(line, dir) {
			found = append(found, line)
		}
	}
	return found
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
