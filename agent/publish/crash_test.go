package publish_test
func child(string) error { return nil }
