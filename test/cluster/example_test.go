package cluster_test

import (
	"context"
	"fmt"
	"os"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/podfacts/podfacts/test/cluster"
)

const settings = `apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data: {colour: blue}
`

// A program, or a TestMain, starts a cluster and stops it. A test has [cluster.Start].
func ExampleNew() {
	if err := try(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	// Output:
	// blue
	// get configmaps shop/settings 200
	// get secrets shop/settings 403
}

func try(ctx context.Context) error {
	c, err := cluster.New(ctx, cluster.Options{})
	if err != nil {
		return err
	}
	defer c.Stop() //nolint:errcheck // what is left, the next start clears up

	if _, err := c.Apply(ctx, settings); err != nil {
		return err
	}
	account, err := c.ServiceAccount(ctx, "shop", "web")
	if err != nil {
		return err
	}
	rule := rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}}
	if err := account.Grant(ctx, "shop", rule); err != nil {
		return err
	}
	token, err := account.Token(ctx, cluster.TokenOptions{})
	if err != nil {
		return err
	}

	// Instead of the process under test: kubectl, with what the account may.
	since, err := c.Mark()
	if err != nil {
		return err
	}
	colour, err := c.Kubectl(ctx, "--token="+token, "-n", "shop", "get", "configmap", "settings", "-o", "jsonpath={.data.colour}")
	if err != nil {
		return err
	}
	fmt.Println(colour)
	_, _ = c.Kubectl(ctx, "--token="+token, "-n", "shop", "get", "secret", "settings")

	requests, err := c.Requests(since, account.Username())
	if err != nil {
		return err
	}
	for _, r := range requests {
		if r.Resource != "" { // not what kubectl asks to know the resources
			fmt.Println(r)
		}
	}
	return nil
}
