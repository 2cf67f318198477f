package browser

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// hostile is what a page must not take for anything but text.
const hostile = `<script>document.title='broken'</script><img src=/x onerror="document.title='broken'">&amp;`

// browser finds the browser: the one that TEST_BROWSER names, which must be there,
// else any that is.
func browser(t *testing.T) string {
	t.Helper()
	if name := os.Getenv("TEST_BROWSER"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no chromium; apt-get install chromium, and set TEST_BROWSER=chromium to require it")
	return ""
}

// events are what a page does beside what it shows.
type events struct {
	mu       sync.Mutex
	troubles []string
	hosts    map[string]bool
}

func (e *events) take(event any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch event := event.(type) {
	case *runtime.EventConsoleAPICalled:
		for _, arg := range event.Args {
			e.troubles = append(e.troubles, fmt.Sprintf("console.%s: %s", event.Type, arg.Value))
		}
	case *runtime.EventExceptionThrown:
		e.troubles = append(e.troubles, event.ExceptionDetails.Text+event.ExceptionDetails.Exception.Description)
	case *log.EventEntryAdded:
		e.troubles = append(e.troubles, fmt.Sprintf("%s: %s %s", event.Entry.Level, event.Entry.Text, event.Entry.URL))
	case *page.EventJavascriptDialogOpening:
		e.troubles = append(e.troubles, "dialog: "+event.Message)
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(event.Request.URL); err != nil || u.Scheme != "data" {
			e.hosts[event.Request.URL] = err == nil && u.Hostname() == "127.0.0.1"
		}
	}
}

// check holds that nothing went wrong, and that nobody else was asked.
func (e *events) check(t *testing.T) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, trouble := range e.troubles {
		t.Error(trouble)
	}
	for url, here := range e.hosts {
		if !here {
			t.Errorf("it asks %s", url)
		}
	}
	if len(e.hosts) < 4 { // the page, its script, its style, and facts
		t.Errorf("only %v were asked for", e.hosts)
	}
}

// open starts a browser with nothing in it, and listens to what its page does.
func open(t *testing.T) (context.Context, *events) {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(browser(t)), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1200, 800),
	}
	ctx, cancel := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	e := &events{hosts: make(map[string]bool)}
	if err := chromedp.Listen(ctx, e.take); err != nil {
		t.Fatal(err)
	}
	call(t, ctx, network.Enable, network.EnableParams{})
	call(t, ctx, log.Enable, cdp.Empty{})
	call(t, ctx, runtime.Enable, cdp.Empty{})
	return ctx, e
}

// call runs a command of the browser's protocol.
func call[P any](t *testing.T, ctx context.Context, command cdp.Command[P, cdp.Empty], params P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, command, params); err != nil {
		t.Fatal(err)
	}
}

// do runs actions, and ends the test where one fails.
func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

// eval gives what an expression is on the page.
func eval[T any](t *testing.T, ctx context.Context, expression string, options ...chromedp.EvaluateOption) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, options...))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// becomes waits until an expression is true.
func becomes(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !eval[bool](t, ctx, expression); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s\n%s", expression, eval[string](t, ctx, "document.body.innerText"))
		}
	}
}

// value is the JavaScript for the text of a fact's value.
func value(fact string) string {
	return fmt.Sprintf("document.getElementById(%q)?.querySelector('.value').textContent", fact)
}

func TestPage(t *testing.T) {
	t.Parallel()
	pod := start(t)
	ctx, events := open(t)
	do(t, ctx, chromedp.Navigate("http://"+pod.address+"/"), chromedp.WaitVisible("#facts tr"))

	// It shows the facts, and takes none of them for more than text.
	becomes(t, ctx, value("pod.labels['tier']")+" === 'blue'")
	becomes(t, ctx, "document.getElementById('state').textContent === 'live'")
	if got := eval[string](t, ctx, value("pod.annotations['note']")); got != hostile {
		t.Errorf("the hostile annotation is %q", got)
	}
	if n := eval[int](t, ctx, "document.querySelectorAll('main script, main img').length"); n != 0 {
		t.Errorf("%d elements come of facts", n)
	}
	if title := eval[string](t, ctx, "document.title"); title != "shop/web-0 – podfacts" {
		t.Errorf("the title is %q", title)
	}
	for column, want := range map[string]string{"age": `^(now|\d+[smhd])$`, "origin": `^volume .* labels \(well-known name\)$`} {
		text := fmt.Sprintf(`/%s/.test(document.getElementById("pod.labels['tier']").querySelector('.%s').textContent)`, want, column)
		if !eval[bool](t, ctx, text) {
			t.Errorf("the %s is not like %s", column, want)
		}
	}
	screenshot(t, ctx, "light.png")

	// A label changes, and is shown without a reload.
	eval[bool](t, ctx, "window.same = true")
	pod.label("tier", "green")
	becomes(t, ctx, value("pod.labels['tier']")+" === 'green'")
	if !eval[bool](t, ctx, `window.same && document.getElementById("pod.labels['tier']").className === "changed"`) {
		t.Error("it was reloaded, or does not say what has changed")
	}

	// The keyboard does.
	slash(t, ctx)
	if !eval[bool](t, ctx, "document.activeElement.id === 'search'") {
		t.Error("/ does not lead to the search")
	}
	do(t, ctx, chromedp.KeyEvent("TIER green"))
	if shown := eval[string](t, ctx, "[...document.querySelectorAll('#facts tr')].map(r => r.id).join()"); shown != "pod.labels['tier']" {
		t.Errorf("the search finds %q", shown)
	}
	do(t, ctx, chromedp.KeyEvent(kb.Tab))
	if link := eval[string](t, ctx, "decodeURIComponent(document.activeElement.href)"); !strings.HasSuffix(link, "/v1/facts/pod.labels['tier']") {
		t.Errorf("the next stop is %q", link)
	}
	if style := eval[string](t, ctx, "getComputedStyle(document.activeElement).outlineStyle"); style != "solid" {
		t.Errorf("the focus is drawn %s", style)
	}
	slash(t, ctx)
	do(t, ctx, chromedp.KeyEvent(kb.Escape))
	if eval[int](t, ctx, "document.querySelectorAll('#facts tr').length") < 4 {
		t.Error("Escape does not show everything again")
	}

	// The dark is dark.
	const paper = "getComputedStyle(document.body).backgroundColor"
	light := eval[string](t, ctx, paper)
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	if dark := eval[string](t, ctx, paper); dark == light || light != "rgb(255, 255, 255)" {
		t.Errorf("the paper is %s, and in the dark %s", light, dark)
	}
	screenshot(t, ctx, "dark.png")

	events.check(t)

	// A link leads to the fact that it names.
	eval[bool](t, ctx, "document.querySelector('#facts a').click(), true")
	becomes(t, ctx, "document.body.innerText === 'shop'")
}

// A sidecar that goes is said to be gone, and found again.
func TestReconnect(t *testing.T) {
	t.Parallel()
	pod := start(t)
	ctx, _ := open(t)
	do(t, ctx, chromedp.Navigate("http://"+pod.address+"/"), chromedp.WaitVisible("#facts tr"))
	pod.stop()
	becomes(t, ctx, "document.getElementById('state').className === 'bad'")
	becomes(t, ctx, value("pod.labels['tier']")+" === 'blue'")
	pod.label("tier", "red")
	pod.run()
	becomes(t, ctx, value("pod.labels['tier']")+" === 'red'")
	becomes(t, ctx, "document.getElementById('state').textContent === 'live'")
}

// A sidecar that asks for patience, as one does that starts, is asked again.
func TestPatience(t *testing.T) {
	t.Parallel()
	pod := start(t)
	ctx, _ := open(t)
	do(t, ctx, chromedp.Navigate("http://"+pod.address+"/"), chromedp.WaitVisible("#facts tr"))
	becomes(t, ctx, "document.getElementById('state').textContent === 'live'")
	eval[bool](t, ctx, "(() => { for (let i = 0; i < 1000; i++) clearInterval(i); return true })()") // what looks now and then finds it, too
	pod.stop()
	listener, err := net.Listen("tcp", pod.address)
	if err != nil {
		t.Fatal(err)
	}
	refused := make(chan struct{}, 100)
	early := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the sources have not been read yet", http.StatusServiceUnavailable)
		refused <- struct{}{}
	})}
	go early.Serve(listener) //nolint:errcheck // it is closed below
	<-refused
	if err := early.Shutdown(t.Context()); err != nil { // when the browser has its answer
		t.Error(err)
	}
	pod.label("tier", "green")
	pod.run()
	becomes(t, ctx, value("pod.labels['tier']")+" === 'green'")
}

// TestOtherSites: what another page may do to reach the facts leads to nothing.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	pod := start(t)
	ctx, _ := open(t)
	other := filepath.Join(t.TempDir(), "other.html")
	if err := os.WriteFile(other, []byte("<!doctype html><title>other</title>"), 0o644); err != nil {
		t.Fatal(err)
	}
	do(t, ctx, chromedp.Navigate("file://"+other))
	for name, attempt := range map[string]string{
		"fetch":   `fetch("http://ADDRESS/v1/view").then(r => r.text(), e => "refused")`,
		"no-cors": `fetch("http://ADDRESS/v1/view", {mode: "no-cors"}).then(r => r.text(), e => "refused").then(t => t || "refused")`,
		"script":  `new Promise(r => { const s = document.createElement("script"); s.onload = () => r("loaded"); s.onerror = () => r("refused"); s.src = "http://ADDRESS/v1/facts/pod/ordinal"; document.head.append(s) })`,
		"events":  `new Promise(r => { const e = new EventSource("http://ADDRESS/v1/watch"); e.onmessage = () => r("heard"); e.onerror = () => { e.close(); r("refused") } })`,
		"frame":   `new Promise(r => { const f = document.createElement("iframe"); f.onload = () => { try { r(f.contentDocument ? f.contentDocument.body.innerText : "refused") } catch { r("refused") } }; f.src = "http://ADDRESS/"; document.body.append(f) })`,
	} {
		got := eval[string](t, ctx, strings.ReplaceAll(attempt, "ADDRESS", pod.address), chromedp.EvalAwaitPromise)
		if got != "refused" {
			t.Errorf("%s gets %q", name, got)
		}
	}
}

// slash presses a key as a keyboard does, so that a page can keep it to itself.
func slash(t *testing.T, ctx context.Context) {
	t.Helper()
	call(t, ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: "/", Code: "Slash", Text: "/"})
	call(t, ctx, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: "/", Code: "Slash"})
}

// screenshot keeps what is seen among the artifacts of the test.
func screenshot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	do(t, ctx, chromedp.Sleep(1200*time.Millisecond)) // colors fade
	image, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(t.ArtifactDir(), name), image, 0o644); err != nil {
		t.Error(err)
	}
}
