on run argv
	set theLimit to (item 3 of argv) as integer
	set theLabels to items 4 thru -1 of argv
	try
		activate
	end try
	try
		if theLimit > 0 then
			set theReply to display dialog (item 1 of argv) with title (item 2 of argv) buttons theLabels default button (count of theLabels) giving up after theLimit
		else
			set theReply to display dialog (item 1 of argv) with title (item 2 of argv) buttons theLabels default button (count of theLabels)
		end if
	on error number -128
		return "closed"
	end try
	if theLimit > 0 then
		if gave up of theReply then return "gave up"
	end if
	return "pressed " & (button returned of theReply)
end run
