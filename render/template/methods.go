package template

import (
	"reflect"
	"time"
)

// method returns a method of a value, nil if it has none of the name. Methods
// are listed, not looked up by reflection: see the package's comment.
func method(v reflect.Value, name string) any {
	if v.CanAddr() && v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
		v = v.Addr()
	}
	if v.NumMethod() == 0 {
		return nil
	}
	switch v := v.Interface().(type) {
	case Object:
		return v.TemplateMethod(name)
	case time.Time:
		return ofTime(v, name)
	case *time.Time:
		if v != nil {
			return ofTime(*v, name)
		}
	case time.Duration:
		return ofDuration(v, name)
	case *time.Location:
		if name == "String" {
			return v.String
		}
	case time.Month:
		if name == "String" {
			return v.String
		}
	case time.Weekday:
		if name == "String" {
			return v.String
		}
	}
	return nil
}

func ofTime(t time.Time, name string) any {
	switch name {
	case "Add":
		return t.Add
	case "AddDate":
		return t.AddDate
	case "After":
		return t.After
	case "Before":
		return t.Before
	case "Compare":
		return t.Compare
	case "Day":
		return t.Day
	case "Equal":
		return t.Equal
	case "Format":
		return t.Format
	case "GoString":
		return t.GoString
	case "Hour":
		return t.Hour
	case "In":
		return t.In
	case "IsDST":
		return t.IsDST
	case "IsZero":
		return t.IsZero
	case "Local":
		return t.Local
	case "Location":
		return t.Location
	case "Minute":
		return t.Minute
	case "Month":
		return t.Month
	case "Nanosecond":
		return t.Nanosecond
	case "Round":
		return t.Round
	case "Second":
		return t.Second
	case "String":
		return t.String
	case "Sub":
		return t.Sub
	case "Truncate":
		return t.Truncate
	case "UTC":
		return t.UTC
	case "Unix":
		return t.Unix
	case "UnixMicro":
		return t.UnixMicro
	case "UnixMilli":
		return t.UnixMilli
	case "UnixNano":
		return t.UnixNano
	case "Weekday":
		return t.Weekday
	case "Year":
		return t.Year
	case "YearDay":
		return t.YearDay
	}
	return nil
}

func ofDuration(d time.Duration, name string) any {
	switch name {
	case "Abs":
		return d.Abs
	case "Hours":
		return d.Hours
	case "Microseconds":
		return d.Microseconds
	case "Milliseconds":
		return d.Milliseconds
	case "Minutes":
		return d.Minutes
	case "Nanoseconds":
		return d.Nanoseconds
	case "Round":
		return d.Round
	case "Seconds":
		return d.Seconds
	case "String":
		return d.String
	case "Truncate":
		return d.Truncate
	}
	return nil
}
