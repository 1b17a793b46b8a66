package commands

// A Result is what a command has to say. Its strings are plain text, not yet
// redacted, cut or escaped.
type Result struct {
	// Summary replaces the echo of the command in the header: "OK: Summary". Empty
	// means that the echo is good.
	Summary string

	Blocks  []Block    // in this order
	Hint    string     // what to do next: at most one line, may be empty
	Buttons [][]Button // rows

	// Document is sent with the answer, at once. Nil: none.
	Document *Document

	// Failed makes the header "ERROR: Summary".
	Failed bool

	// Cause is why it failed, for the log: it is not shown. May be nil.
	Cause error
}

// A BlockKind says how a Block is laid out.
type BlockKind int

// Kinds of block.
const (
	Prose  BlockKind = iota // Text, wrapped by the phone
	List                    // Items, each a label and what belongs to it
	Fields                  // Items, each a label and its value in one line
	Pre                     // Text in fixed width: logs and program output only
	Quote                   // Text, long and secondary: folded until tapped
	Given                   // Items, whose values are shown as they are: to be copied, or hostile
)

func (k BlockKind) String() string {
	switch k {
	case Prose:
		return "prose"
	case List:
		return "list"
	case Fields:
		return "fields"
	case Pre:
		return "pre"
	case Quote:
		return "quote"
	case Given:
		return "given"
	}
	return "unknown"
}

// Lookahead is how far a text that was cut goes on behind what is shown of it: a
// secret that begins before the cut must still be seen whole to be redacted.
const Lookahead = 4096

// A Block is one part of a Result. Its Text is redacted before it is cut, so what
// may hold a secret comes whole, or cut by Lookahead.
type Block struct {
	Kind   BlockKind
	Title  string // a line above the block; may be empty
	Text   string // of Prose, Pre and Quote
	Items  []Item // of List, Fields and Given
	Oldest bool   // what does not fit is cut from the start, where the oldest is
	Ours   bool   // holds nothing that somebody else wrote, and its commands may be tapped

	// Lookahead is how many bytes at the end of Text are not shown.
	Lookahead int
}

// An Item is a line of a List, of Fields or of what is Given.
type Item struct {
	Label string
	Value string
}

// A Button stands under a Result.
type Button struct {
	Label string

	// Line is the command that a press runs, as if the one who pressed had typed it:
	// all checks are made again.
	Line string

	// Cancel ends the command that the message belongs to. Line is then empty.
	Cancel bool

	// Repeatable says that Line has no effect, whatever its class: it may be run
	// late, and more than once.
	Repeatable bool

	Style ButtonStyle
}

// A ButtonStyle colours a button.
type ButtonStyle int

// Styles of button.
const (
	Plain   ButtonStyle = iota
	Good                // green: goes on
	Serious             // red: ends or breaks something
)

// A Document is a file sent with a Result.
type Document struct {
	Name    string // of the file: "reply.txt"
	Caption string // one line; may be empty
	Text    string
}
