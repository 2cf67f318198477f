package funcs

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
)

func dateFuncs() []Func {
	return []Func{
		{"date", "", "layout, time: the time (a date, an RFC 3339 text or Unix seconds) in UTC", `{{ "2024-05-01T10:00:00Z" | date "2 Jan 2006" }}`, "1 May 2024", func(layout string, t any) (string, error) { return dateInZone(layout, t, "UTC") }},
		{"dateInZone", "date_in_zone", "layout, time, zone: as date, in UTC or at an offset", `{{ dateInZone "15:04 -0700" 0 "+05:30" }}`, "05:30 +0530", dateInZone},
		{"htmlDate", "", "as date, with the layout 2006-01-02", `{{ htmlDate 0 }}`, "1970-01-01", func(t any) (string, error) { return dateInZone(time.DateOnly, t, "UTC") }},
		{"htmlDateInZone", "", "as dateInZone, with the layout 2006-01-02", `{{ htmlDateInZone 0 "-01:00" }}`, "1969-12-31", func(t any, zone string) (string, error) { return dateInZone(time.DateOnly, t, zone) }},
		{"toDate", "mustToDate", "layout, text: the time, in UTC where the text names no zone", `{{ toDate "2006-01-02" "2017-12-31" | date "02/01/2006" }}`, "31/12/2017", toDate},
		{"dateModify", "mustDateModify date_modify must_date_modify", "duration, time: the time that much later", `{{ toDate "2006-01-02" "2017-12-31" | dateModify "-36h" | htmlDate }}`, "2017-12-29", dateModify},
		{"unixEpoch", "", "the seconds since 1970", `{{ "1970-01-02T00:00:00Z" | unixEpoch }}`, "86400", unixEpoch},
		{"duration", "", "a number of seconds as a duration", `{{ duration "95" }}`, "1m35s", duration},
		{"durationRound", "", "a duration in its largest unit", `{{ durationRound "2400h10m5s" }}`, "3mo", durationRound},
	}
}

func dateInZone(layout string, v any, zone string) (string, error) {
	t, err := asTime(v)
	if err != nil {
		return "", err
	}
	loc, err := location(zone)
	if err != nil {
		return "", err
	}
	return t.In(loc).Format(layout), nil
}

// asTime never falls back to now, as sprig does.
func asTime(v any) (time.Time, error) {
	switch v := v.(type) {
	case time.Time:
		return v, nil
	case *time.Time:
		if v != nil {
			return *v, nil
		}
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return time.Time{}, fmt.Errorf("%.64q is not a time such as 2006-01-02T15:04:05Z; read other forms with toDate", v)
		}
		return t, nil
	}
	if r := reflect.ValueOf(v); r.CanInt() || r.CanFloat() || r.CanUint() {
		n, err := asInt64(v)
		return time.Unix(n, 0), err
	}
	return time.Time{}, fmt.Errorf("%s is not a time", describe(v))
}

// location knows UTC and offsets. The names of zones need a database that an
// image FROM scratch does not have, and that differs from image to image.
func location(zone string) (*time.Location, error) {
	switch zone {
	case "", "UTC", "Etc/UTC", "GMT", "Z":
		return time.UTC, nil
	}
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, zone); err == nil {
			_, offset := t.Zone()
			return time.FixedZone("", offset), nil
		}
	}
	return nil, fmt.Errorf("the time zone %.64q is not known here; use UTC or an offset such as +01:00", zone)
}

func toDate(layout, s string) (time.Time, error) {
	t, err := time.ParseInLocation(layout, s, time.UTC)
	if err != nil {
		return t, fmt.Errorf("%.64q is not a time written like %.64q", s, layout)
	}
	return t, nil
}

func dateModify(by string, v any) (time.Time, error) {
	t, err := asTime(v)
	if err != nil {
		return t, err
	}
	d, err := time.ParseDuration(by)
	if err != nil {
		return t, fmt.Errorf("%.64q is not a duration such as -1.5h", by)
	}
	return t.Add(d), nil
}

func unixEpoch(v any) (string, error) {
	t, err := asTime(v)
	return strconv.FormatInt(t.Unix(), 10), err
}

func duration(seconds any) (string, error) {
	n, err := asInt64(seconds)
	if err != nil {
		return "", err
	}
	if n > math.MaxInt64/int64(time.Second) || n < math.MinInt64/int64(time.Second) {
		return "", fmt.Errorf("%d seconds are too long", n)
	}
	return (time.Duration(n) * time.Second).String(), nil
}

// durationRound takes a text such as 2h10m, or nanoseconds.
func durationRound(v any) (string, error) {
	var d time.Duration
	if s, ok := v.(string); ok {
		var err error
		if d, err = time.ParseDuration(s); err != nil {
			return "", fmt.Errorf("%.64q is not a duration such as 2h10m", s)
		}
	} else {
		n, err := asInt64(v)
		if err != nil {
			return "", fmt.Errorf("%s is not a duration", describe(v))
		}
		d = time.Duration(n)
	}
	const day = 24 * time.Hour
	units := []struct {
		size time.Duration
		name string
	}{{365 * day, "y"}, {30 * day, "mo"}, {day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	n := magnitude(int64(d))
	for _, u := range units {
		if n > uint64(u.size) {
			return strconv.FormatUint(n/uint64(u.size), 10) + u.name, nil
		}
	}
	return "0s", nil
}
