package health_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podfacts/podfacts/agent"
	"github.com/podfacts/podfacts/agent/health"
)

// A Monitor is told what an agent does, and asked how it is.
func Example() {
	var m health.Monitor
	a := agent.Agent{Report: m.Report}

	// What a run of the agent says:
	a.Report(agent.Started{At: time.Now(), Outputs: []string{"/run/app.conf", "/run/pod.env"}})
	a.Report(agent.Began{At: time.Now()})
	a.Report(agent.Rendered{Output: "/run/app.conf"})
	a.Report(agent.Rendered{Output: "/run/pod.env", Err: errors.New("pod.env: pod.labels['tier'] is missing")})
	a.Report(agent.Published{Output: "/run/app.conf", Changed: true})

	v := m.Answer(context.Background(), health.Live)
	fmt.Println(v.Probe, v.OK)
	v = m.Answer(context.Background(), health.Ready)
	fmt.Println(v.Probe, v.OK)
	for _, c := range v.Checks {
		fmt.Println(c.Name, c.State)
	}
	// Output:
	// live true
	// ready false
	// output /run/app.conf ok
	// output /run/pod.env failed
}
