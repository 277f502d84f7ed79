//go:build engine

// Package engine names the one Go program that the rehearsal builds: the Pulumi CLI, at the version in go.mod.
package engine

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
