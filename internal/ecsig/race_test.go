//go:build race

package ecsig

const raceEnabled = true
