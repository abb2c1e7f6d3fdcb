package hosttest

import (
	"reflect"
	"testing"
)

func TestExamples(t *testing.T) {
	const doc = "Prose: msg is not an example.\n\n" +
		"    msg bob,alice /title:Maintenance \"Down at 18:00.^nSave your work.\"\n" +
		"    df -h /home 2>&1 | msg 'bob' && echo done; msg \\* \\\n    hi >out 2>/dev/null # to all\n" +
		"\tmsg '*' it''s \"a \\\"test\\\" \\n\" 'C:\\new' <<EOF text\n" +
		"    msg {user | *} [message]\n" +
		"```sh\n$ msg bob /etc is full   # an error\nmsg bob /tmp\n```\n\nInvalid parameter(s)\n"
	want := []example{
		{3, []string{"msg", "bob,alice", "/title:Maintenance", "Down at 18:00.^nSave your work."}, false, false},
		{4, []string{"msg", "bob"}, false, false},
		{4, []string{"msg", "*", "hi"}, false, false},
		{6, []string{"msg", "*", "its", `a "test" \n`, `C:\new`, "text"}, false, false},
		{9, []string{"msg", "bob", "/etc", "is", "full"}, true, false},
		{10, []string{"msg", "bob", "/tmp"}, true, true},
	}
	if got := examples(doc, "msg"); !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}
