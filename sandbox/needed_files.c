// sandbox/needed_files.c -- DT_NEEDED from file to file.
#include "sandbox/needed_files.h"

#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static const char *const folders[] = {"/lib/x86_64-linux-gnu",
                                      "/usr/lib/x86_64-linux-gnu",
                                      "/lib/aarch64-linux-gnu",
                                      "/usr/lib/aarch64-linux-gnu",
                                      "/lib64",
                                      "/usr/lib64",
                                      "/lib",
                                      "/usr/lib",
                                      "/usr/local/lib",
                                      NULL};

// Is it there, or inside a folder that is there? A folder's own file is noted as "seen" once read.
static bool has_place(const Str *root, const char *place, bool inside) {
    for (size_t at = 0; at < root->size;) {
        const char *what = root->data + at, *source = what + strlen(what) + 1,
                   *where = source + strlen(source) + 1;
        size_t n = strlen(where);
        bool folder = inside && strcmp(what, "bind") == 0 && strncmp(where, place, n) == 0;
        if ((folder && place[n] == '/') || strcmp(where, place) == 0) return true;
        at = (size_t)(where - root->data) + strlen(where) + 1;
    }
    return false;
}

void needed_files_line(const char *what, const char *source, const char *place, Str *root) {
    if (has_place(root, place, false)) return;
    str_add(root, what, strlen(what) + 1);
    str_add(root, source, strlen(source) + 1);
    str_add(root, place, strlen(place) + 1);
}

// The folder of `path` without symbolic links, and its own name: where it is in the new root.
static bool real_place(const char *path, char *place) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (!slash || slash - path >= PATH_MAX) return false;
    snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    char real[PATH_MAX];
    if (!realpath(*folder ? folder : "/", real)) return false;
    return snprintf(place, PATH_MAX, "%s/%s", strcmp(real, "/") == 0 ? "" : real, slash + 1) <
           PATH_MAX;
}

static bool add_file(const char *path, Str *root);

// The folders of a RUNPATH, "$ORIGIN/../lib:/opt/x", then the usual ones.
static bool find_library(const char *name, const char *runpath, const char *origin, char *out) {
    for (const char *p = runpath; p && *p;) {
        size_t n = strcspn(p, ":");
        const char *rest = p;
        const char *base = "";
        if (strncmp(p, "$ORIGIN", 7) == 0)
            base = origin, rest = p + 7;
        else if (strncmp(p, "${ORIGIN}", 9) == 0)
            base = origin, rest = p + 9;
        int made = snprintf(out, PATH_MAX, "%s%.*s/%s", base, (int)(p + n - rest), rest, name);
        if (made < PATH_MAX && access(out, R_OK) == 0) return true;
        p += n;
        p += *p == ':';
    }
    for (int i = 0; folders[i]; i++) {
        snprintf(out, PATH_MAX, "%s/%s", folders[i], name);
        if (access(out, R_OK) == 0) return true;
    }
    return false;
}

// Where in the file an address of the image is; 0 when nowhere.
static size_t offset_of(const Elf64_Phdr *ph, int n, Elf64_Addr address) {
    for (int i = 0; i < n; i++)
        if (ph[i].p_type == PT_LOAD && address >= ph[i].p_vaddr &&
            address - ph[i].p_vaddr < ph[i].p_filesz)
            return address - ph[i].p_vaddr + ph[i].p_offset;
    return 0;
}

// A zero-terminated text inside the file, or NULL.
static const char *text_at(const FileMap *map, size_t at) {
    if (at == 0 || at >= map->size) return NULL;
    const char *p = (const char *)map->data + at;
    return memchr(p, 0, map->size - at) ? p : NULL;
}

static void read_elf(const FileMap *map, const char *path, Str *root) {
    const char *base = map->data;
    Elf64_Ehdr eh;
    if (map->size < sizeof eh || memcmp(base, ELFMAG, SELFMAG) != 0 || base[EI_CLASS] != ELFCLASS64)
        return;
    memcpy(&eh, base, sizeof eh);
    enum { MOST = 64 };
    Elf64_Phdr ph[MOST];
    int n = eh.e_phnum < MOST ? eh.e_phnum : MOST;
    if (eh.e_phoff > map->size || map->size - eh.e_phoff < (size_t)n * sizeof ph[0]) return;
    memcpy(ph, base + eh.e_phoff, (size_t)n * sizeof ph[0]);

    char origin[PATH_MAX], found[PATH_MAX];
    snprintf(origin, sizeof origin, "%s", path);
    char *slash = strrchr(origin, '/');
    if (slash) *slash = 0;
    const Elf64_Phdr *dynamic = NULL;
    for (int i = 0; i < n; i++) {
        const char *loader = ph[i].p_type == PT_INTERP ? text_at(map, ph[i].p_offset) : NULL;
        if (loader) add_file(loader, root);
        if (ph[i].p_type == PT_DYNAMIC) dynamic = &ph[i];
    }
    if (!dynamic || dynamic->p_offset > map->size ||
        map->size - dynamic->p_offset < dynamic->p_filesz)
        return;
    size_t n_entries = dynamic->p_filesz / sizeof(Elf64_Dyn), strings = 0;
    Elf64_Dyn d;
    const char *runpath = NULL;
    for (int pass = 0; pass < 3; pass++) // the table of names, the paths, then the libraries
        for (size_t i = 0; i < n_entries; i++) {
            memcpy(&d, base + dynamic->p_offset + i * sizeof d, sizeof d);
            if (d.d_tag == DT_NULL) break;
            if (pass == 0 && d.d_tag == DT_STRTAB) strings = offset_of(ph, n, d.d_un.d_ptr);
            if (strings == 0) continue;
            if (pass == 1 && (d.d_tag == DT_RUNPATH || d.d_tag == DT_RPATH))
                runpath = text_at(map, strings + d.d_un.d_val);
            if (pass == 2 && d.d_tag == DT_NEEDED) {
                const char *name = text_at(map, strings + d.d_un.d_val);
                if (name && *name && find_library(name, runpath, origin, found))
                    add_file(found, root);
            }
        }
}

static bool add_file(const char *path, Str *root) {
    char real[PATH_MAX], place[PATH_MAX];
    if (!realpath(path, real) || !real_place(path, place)) return false;
    if (has_place(root, place, false)) return true;
    FileMap map;
    if (file_map(real, &map) != ST_OK) return false;
    needed_files_line(has_place(root, place, true) ? "seen" : "bind", real, place, root);
    read_elf(&map, real, root);
    file_unmap(&map);
    return true;
}

bool needed_files_add(const char *path, Str *root) {
    return add_file(path, root);
}

void needed_files_end(Str *root) {
    size_t kept = 0;
    for (size_t at = 0; at < root->size;) {
        const char *what = root->data + at, *source = what + strlen(what) + 1,
                   *where = source + strlen(source) + 1;
        size_t n = (size_t)(where - what) + strlen(where) + 1;
        if (strcmp(what, "seen") != 0) {
            memmove(root->data + kept, what, n);
            kept += n;
        }
        at += n;
    }
    root->size = kept;
}
