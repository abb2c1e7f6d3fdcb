/* Names of accounts, in front of Wine's, which knows the account that runs it
 * and those that every Windows has. advapi32.dll has far too many functions for
 * one of ours in its place: here two of them lead somewhere else, for whoever
 * asks that DLL where they are. Those who use it know nothing of that.
 *
 * It is in bcryptprimitives.dll, which every program of Go loads first.
 */
#include "accounts.h"

static BOOL(WINAPI *wine_name)(LPCWSTR, LPCWSTR, PSID, DWORD *, LPWSTR, DWORD *, SID_NAME_USE *);
static BOOL(WINAPI *wine_sid)(LPCWSTR, PSID, LPWSTR, DWORD *, LPWSTR, DWORD *, SID_NAME_USE *);

/* Whether a string and its end fit; what its size would be is told otherwise. */
static BOOL fits(const wchar_t *s, DWORD *room)
{
	DWORD need = wcslen(s) + 1;

	if (*room >= need)
		return TRUE;
	*room = need;
	return FALSE;
}

/* Who does not want to know has no buffer. */
static void put(const wchar_t *s, LPWSTR to, DWORD *room)
{
	if (to)
		wcscpy(to, s);
	*room = wcslen(s);
}

static BOOL WINAPI look_up_name(LPCWSTR system, LPCWSTR name, PSID sid, DWORD *sid_size, LPWSTR domain, DWORD *domain_size,
				SID_NAME_USE *use)
{
	const struct account *a = account_called(name);
	DWORD size;
	BOOL room;

	log_call("{\"fn\":\"LookupAccountNameW\",\"text\":%s}", text_of(name));
	if (!a)
		return wine_name(system, name, sid, sid_size, domain, domain_size, use);
	size = GetLengthSid(a->sid);
	room = fits(a->domain, domain_size);
	if (*sid_size < size || !room) {
		*sid_size = size;
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		return FALSE;
	}
	CopySid(*sid_size, sid, a->sid);
	put(a->domain, domain, domain_size);
	*use = a->use;
	return TRUE;
}

static BOOL WINAPI look_up_sid(LPCWSTR system, PSID sid, LPWSTR name, DWORD *name_size, LPWSTR domain, DWORD *domain_size,
			       SID_NAME_USE *use)
{
	const struct account *a = account_with(sid);
	BOOL name_fits, domain_fits;

	if (!a)
		return wine_sid(system, sid, name, name_size, domain, domain_size, use);
	name_fits = fits(a->name, name_size);
	domain_fits = fits(a->domain, domain_size);
	if (!name_fits || !domain_fits) {
		SetLastError(ERROR_INSUFFICIENT_BUFFER);
		return FALSE;
	}
	put(a->name, name, name_size);
	put(a->domain, domain, domain_size);
	*use = a->use;
	return TRUE;
}

/* Code that jumps to a function, within 4 GB behind the start of a module:
 * farther no export can be. */
static BYTE *jump_near(BYTE *module, const void *to)
{
	static const BYTE code[] = {0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0}; /* mov rax, to; jmp rax */
	BYTE *at = NULL;

	for (ULONG_PTR away = 0x1000000; !at && away < 0xffff0000; away += 0x100000)
		at = VirtualAlloc(module + away, sizeof code, MEM_RESERVE | MEM_COMMIT, PAGE_EXECUTE_READWRITE);
	if (at) {
		memcpy(at, code, sizeof code);
		memcpy(at + 2, &to, sizeof to);
	}
	return at;
}

/* Has a module export another function under that name, and returns the one
 * before; NULL if it cannot be done. */
static void *export(BYTE *module, const char *name, const void *function)
{
	IMAGE_NT_HEADERS *headers = (IMAGE_NT_HEADERS *)(module + ((IMAGE_DOS_HEADER *)module)->e_lfanew);
	DWORD at = headers->OptionalHeader.DataDirectory[IMAGE_DIRECTORY_ENTRY_EXPORT].VirtualAddress;
	IMAGE_EXPORT_DIRECTORY *all = (IMAGE_EXPORT_DIRECTORY *)(module + at);
	DWORD *names = (DWORD *)(module + all->AddressOfNames), *addresses = (DWORD *)(module + all->AddressOfFunctions);
	WORD *numbers = (WORD *)(module + all->AddressOfNameOrdinals);
	void *before = (void *)(ULONG_PTR)GetProcAddress((HMODULE)module, name);
	DWORD protection, i = 0;
	BYTE *jump = jump_near(module, function);

	while (i < all->NumberOfNames && strcmp((char *)module + names[i], name))
		i++;
	if (!before || !jump || i == all->NumberOfNames)
		return NULL;
	if (!VirtualProtect(&addresses[numbers[i]], sizeof *addresses, PAGE_READWRITE, &protection))
		return NULL;
	addresses[numbers[i]] = (DWORD)(jump - module);
	VirtualProtect(&addresses[numbers[i]], sizeof *addresses, protection, &protection);
	return before;
}

BOOL WINAPI DllMain(HINSTANCE self, DWORD why, LPVOID reserved)
{
	BYTE *module = (BYTE *)GetModuleHandleW(L"advapi32.dll");

	(void)self, (void)reserved;
	if (why != DLL_PROCESS_ATTACH || !accounts_load())
		return TRUE;
	wine_name = (void *)export(module, "LookupAccountNameW", look_up_name);
	wine_sid = (void *)export(module, "LookupAccountSidW", look_up_sid);
	return wine_name && wine_sid;
}
