# Prints the buttons that are on the screen, as JSON: a name, an area, a name and
# so on. It asks the programs for what they tell a screen reader (AT-SPI 2).
root=/org/a11y/atspi/accessible/root
bus=$(busctl --user call org.a11y.Bus /org/a11y/bus org.a11y.Bus GetAddress | cut -d '"' -f 2)

ask() { # ask SERVICE OBJECT INTERFACE METHOD [SIGNATURE ARG...]
	busctl --address="$bus" --json=short call "$@"
}
each() { # from an answer, a line for each SERVICE OBJECT
	grep -o '":[0-9.]*","/[^"]*"' | tr ',"' '  '
}

# What is looked for is what has all of these states (showing, bit 25) and any
# of these roles (push button, bit 43), and anything in all else.
rule="2 33554432 0 1 0 1 4 0 2048 0 0 2 0 1 false"
ask org.a11y.atspi.Registry $root org.a11y.atspi.Accessible GetChildren | each | while read -r app top; do
	ask "$app" "$top" org.a11y.atspi.Collection GetMatches '(aiia{ss}iaiiasib)uib' $rule 1 0 true |
		each | while read -r app button; do
		ask "$app" "$button" org.freedesktop.DBus.Properties Get ss org.a11y.atspi.Accessible Name
		ask "$app" "$button" org.a11y.atspi.Component GetExtents u 0
	done
done
