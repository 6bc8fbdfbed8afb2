package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/signetkeys/signet/config/all"
	"github.com/spf13/cobra"
)

type versionJSON struct {
	Version  string   `json:"version"`
	Revision string   `json:"revision,omitempty"`
	Go       string   `json:"go"`
	Platform string   `json:"platform"`
	Cgo      bool     `json:"cgo"` // false: no PKCS#11
	Schemes  []string `json:"schemes"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionJSON{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Cgo: cgoEnabled, Schemes: all.Mux().Schemes()}
			if b, ok := debug.ReadBuildInfo(); ok {
				if b.Main.Version != "" {
					v.Version = b.Main.Version
				}
				for _, s := range b.Settings {
					if s.Key == "vcs.revision" {
						v.Revision = s.Value
					}
				}
			}
			if a.output != text {
				return a.printJSON(v)
			}
			return a.print(fmt.Sprintf("signet %s %s %s\n", v.Version, v.Go, v.Platform))
		},
	}
}
