package faketelegram

// FormatForTest gives the entities of an HTML text and the text's length.
func FormatForTest(in string) (entities []Entity, units int, ok bool) {
	f, err := format(in, "HTML", nil)
	return f.entities, utf16Len(f.text), err == nil
}
