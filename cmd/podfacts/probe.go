package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"gopkg.in/yaml.v3"

	"github.com/podfacts/podfacts/agent/health"
	"github.com/podfacts/podfacts/agent/serve"
	"github.com/podfacts/podfacts/watch"
)

// errUnwell ends probe where the answer is no, which has been printed.
var errUnwell = errors.New("the answer is no")

func (p *program) probeCommand() *cobra.Command {
	var listen string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "probe " + strings.Join(probeNames(), "|"),
		Short: "Ask a running sidecar how it does",
		Long: `probe asks a podfacts run that has --listen how it does, prints the answer and
exits with 0 for yes or 1 for no. It is a probe for images without a shell.

  startup  every output has been published once
  ready    every output is current, and no fact older than health.maxAge
  live     everything moves; only a hang turns it to no

The address is that of --listen or PODFACTS_LISTEN, or the listen of the
configuration, as for run. In a pod:

  env:
  - {name: PODFACTS_LISTEN, value: "127.0.0.1:9300"}
  startupProbe:
    exec: {command: [podfacts, probe, startup]}
    periodSeconds: 1
    failureThreshold: 60
  readinessProbe:
    exec: {command: [podfacts, probe, ready]}
  livenessProbe:
    exec: {command: [podfacts, probe, live]}
    periodSeconds: 30`,
		Example: `  podfacts probe startup --listen 127.0.0.1:9300
  podfacts probe ready -v -c /etc/podfacts/podfacts.yaml
  podfacts probe live --listen unix:///run/podfacts/podfacts.sock`,
		ValidArgs: probeNames(),
		Args:      oneProbe,
		RunE: func(cmd *cobra.Command, args []string) error {
			if timeout <= 0 {
				return fmt.Errorf("--timeout is %v, but must be more than 0", timeout)
			}
			address, err := p.probed(listen)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			healthy, body, err := ask(ctx, address, health.Probe(args[0]), p.verbose)
			if err != nil {
				return failed(fmt.Errorf("%s: %w", args[0], err))
			}
			fmt.Fprint(p.stdout, body)
			if !healthy {
				return errUnwell
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "`address` that the sidecar listens on (default: the configuration's listen)")
	cmd.Flags().StringVarP(&p.config, "config", "c", "", "configuration `file` of the sidecar")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Second, "how long to wait for the answer")
	return cmd
}

func probeNames() []string {
	var names []string
	for _, p := range health.Probes() {
		names = append(names, string(p))
	}
	return names
}

func oneProbe(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) != 1:
		return fmt.Errorf("%s asks one question, %s, but got %d; see %s --help", cmd.CommandPath(), strings.Join(probeNames(), ", "), len(args), cmd.CommandPath())
	case !slices.Contains(probeNames(), args[0]):
		return fmt.Errorf("unknown probe %q; %s", args[0], orHelp(cmd, watch.Nearest(args[0], probeNames())))
	}
	return nil
}

// probed is the address to ask. A configuration that has something wrong with it
// need not keep a sidecar from saying how it does.
func (p *program) probed(listen string) (serve.Address, error) {
	if listen == "" && p.config != "" {
		data, err := os.ReadFile(p.config)
		if err != nil {
			return serve.Address{}, fmt.Errorf("configuration: %w; name the file with -c FILE, or use --listen", err)
		}
		var c struct{ Listen string }
		if err := yaml.Unmarshal(data, &c); err != nil && c.Listen == "" {
			return serve.Address{}, fmt.Errorf("%s: %w", p.config, err)
		}
		if c.Listen == "" {
			return serve.Address{}, fmt.Errorf("%s has no listen, so that podfacts run answers nobody; set it to 127.0.0.1:9300, or use --listen for both", p.config)
		}
		listen = c.Listen
	}
	if listen == "" {
		return serve.Address{}, errors.New("whom to ask is not known; give podfacts run and podfacts probe the same --listen, PODFACTS_LISTEN or configuration")
	}
	address, err := serve.Parse(listen, true)
	if err != nil {
		return address, fmt.Errorf("--listen: %w", err)
	}
	return address, nil
}

// ask asks once, over a connection of its own.
func ask(ctx context.Context, address serve.Address, probe health.Probe, verbose bool) (healthy bool, body string, err error) {
	code, body, err := get(ctx, address, probe, verbose)
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return false, "", explainSilence(err, address)
	}
	switch code {
	case http.StatusOK, http.StatusServiceUnavailable:
		return code == http.StatusOK, body, nil
	}
	return false, "", fmt.Errorf("%s answers with %d %s; is it podfacts run that listens there?", address, code, http.StatusText(code))
}

func get(ctx context.Context, address serve.Address, probe health.Probe, verbose bool) (code int, body string, err error) {
	const most = 64 << 10
	conn, err := address.Dial(ctx)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() }) //nolint:errcheck // it ends what is read below
	defer stop()
	target := probePath(probe)
	if verbose {
		target += "?verbose"
	}
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, most))
	return resp.StatusCode, string(data), err
}

// explainSilence says why there is no answer, and what to do.
func explainSilence(err error, address serve.Address) error {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer in time; the sidecar is stopped or short of CPU, or needs a longer --timeout and timeoutSeconds", address)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens on %s; does podfacts run have the same --listen, in this pod, and has it started?", address)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no socket %s; does podfacts run have the same --listen, in a directory that both containers mount, and has it started?", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; the socket is for the user and the group of podfacts run: use its runAsUser, or the pod's fsGroup", err)
	}
	return fmt.Errorf("no answer from %s: %w", address, err)
}
