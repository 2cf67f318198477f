package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	figure  string
	ours    string
	peer    string // the peer or the floor, with its name
	ratio   string
	goal    string
	reached bool
}

// none stands where there is no peer, no goal, and so on.
const none = "-"

func print(w io.Writer, rows []row) error {
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "FIGURE\tPODFACTS\tPEER OR FLOOR\tRATIO\tGOAL\tREACHED")
	for _, r := range rows {
		reached := "no"
		switch {
		case r.goal == none:
			reached = none
		case r.reached:
			reached = "yes"
		}
		fmt.Fprintf(tab, "%s\t%s\t%s\t%s\t%s\t%s\n", r.figure, r.ours, r.peer, r.ratio, r.goal, reached)
	}
	return tab.Flush()
}

// times says how many of b fit into a.
func times(a, b float64) string {
	switch ratio := a / b; {
	case ratio >= 10:
		return fmt.Sprintf("%.0fx", ratio)
	default:
		return fmt.Sprintf("%.2fx", ratio)
	}
}

// above says how much longer one took than the other.
func above(a, b time.Duration) string {
	if a < b {
		return "-" + milliseconds(b-a)
	}
	return "+" + milliseconds(a-b)
}
