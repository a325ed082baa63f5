package dc

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// scramble writes the tokens of a text with other white space and comments
// between them.
func scramble(r *rand.Rand, text []byte) []byte {
	var trace []token
	l := &lexer{src: &source{"", text}, errs: &errorSink{}, trace: &trace}
	for l.next().kind != tokEOF {
	}
	between := []string{" ", "\n", "\t", "\r\n", "\n\n\n", " // note\n", "\n// line\n", " /* inline */ ", " /**/", "\n/* two\n  lines */\n"}
	var b strings.Builder
	for _, t := range trace {
		if t.kind == tokComment {
			continue
		}
		for {
			b.WriteString(between[min(r.IntN(3*len(between)), r.IntN(len(between)))])
			if r.IntN(4) > 0 {
				break
			}
		}
		b.Write(text[t.off:t.end])
	}
	b.WriteString(between[r.IntN(len(between))])
	return []byte(b.String())
}

// Neither white space nor comments nor Format change what a file declares.
func TestFormatScrambled(t *testing.T) {
	for _, v := range readVectors(t) {
		src, err := os.ReadFile(filepath.Join("testdata", v.File))
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(50) {
			r := rand.New(rand.NewPCG(seed, 0))
			text := scramble(r, src)
			s, err := Parse(Source{"x.dc", text})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			if s.Hash() != v.Hash {
				t.Fatalf("seed %d: hash %d, want %d", seed, s.Hash(), v.Hash)
			}
			checkSameTokens(t, text, checkFormat(t, text))
		}
	}
}
