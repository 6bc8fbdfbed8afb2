package config

// nearest returns the one of names that is fewest edits away from name, or "" when none is near enough to be meant. A swap of two
// neighbouring letters is one edit.
func nearest(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	best, bestEdits := "", 0
	for _, n := range names {
		if d := edits(name, n); d <= 1+len(n)/3 && (best == "" || d < bestEdits) {
			best, bestEdits = n, d
		}
	}
	return best
}

// edits is the optimal string alignment distance in bytes.
func edits(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, before
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
