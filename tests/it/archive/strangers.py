"""What other programs read from an archive that haul wrote; any difference is an error.

strangers.py check ARCHIVE             warcio verifies every digest, and the framing of each record
strangers.py bodies ARCHIVE SERVED     warcio reads from each response the bytes that were served
strangers.py unchanged ARCHIVE OLD      warcio finds the response in OLD that each revisit refers to; prints the URLs. With
                                       one more argument, it has to be named by its record too
strangers.py index ARCHIVE             prints the keys and URLs that pywb's indexer finds, one per line
strangers.py replay ARCHIVE SERVED     pywb shows each page with the bytes that were served
strangers.py package PACKAGE           wacz validates the package, and cdxj-indexer creates the same index
strangers.py wrap ARCHIVE PACKAGE      wacz creates a package from the archive
strangers.py urls ARCHIVE              prints the URLs of the responses, one per line
strangers.py resources ARCHIVE         warcio writes two pages and one other thing as resources, and a conversion
"""
import sys, os, io, gzip, json, subprocess, tempfile, zipfile

what, archive = sys.argv[1], os.path.abspath(sys.argv[2])
programs = os.path.dirname(sys.executable)


def run(*words, cwd=None):
    done = subprocess.run([os.path.join(programs, words[0]), *words[1:]], cwd=cwd,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, f'{words}: {done.stdout}'
    return done.stdout


def opened():
    if not archive.endswith('.wacz'):
        return open(archive, 'rb')
    return zipfile.ZipFile(archive).open('archive/data.warc.gz')


def served():
    """What was served, by path; the name of a file that was served compressed ends in `.coded`."""
    folder = sys.argv[3]
    return {'/' + name.replace('.coded', ''): (open(os.path.join(folder, name), 'rb').read(), name)
            for name in os.listdir(folder)}


if what == 'check':
    output = run('warcio', 'check', '-v', archive)
    assert 'digest failed' not in output and 'digest pass' in output, output
elif what == 'resources':
    from warcio.warcwriter import WARCWriter
    with open(archive, 'wb') as output:
        writer = WARCWriter(output, gzip=True)
        for kind, uri, media, block in [
            ('resource', 'http://h.example/index.html', 'text/html', b'<title>Index</title>'),
            ('resource', 'https://h.example/a.txt', 'text/plain', b'a'),
            ('resource', 'urn:text:http://h.example/', 'text/plain', b'text'),
            ('conversion', 'http://h.example/index.html', 'text/plain', b'Index'),
        ]:
            writer.write_record(writer.create_warc_record(uri, kind, payload=io.BytesIO(block), warc_content_type=media))
elif what == 'urls':
    from warcio.archiveiterator import ArchiveIterator
    for record in ArchiveIterator(opened()):
        if record.rec_type in ('response', 'revisit'):
            print(record.rec_headers.get_header('WARC-Target-URI'))
elif what == 'bodies':
    from warcio.archiveiterator import ArchiveIterator
    from urllib.parse import urlsplit
    expected, found, first = served(), set(), {}
    for record in ArchiveIterator(opened()):
        if record.rec_type not in ('response', 'revisit') or record.rec_headers.get_header('WARC-Truncated'):
            continue
        path = urlsplit(record.rec_headers.get_header('WARC-Target-URI')).path
        digest = record.rec_headers.get_header('WARC-Payload-Digest')
        body = record.raw_stream.read()
        body = first[digest] if record.rec_type == 'revisit' else body
        first[digest] = body
        assert body == expected[path][0], f'{path}: different bytes'
        assert record.http_headers.get_header('content-length') in (None, str(len(body)))
        found.add(path)
    assert found == set(expected), f'{set(expected) - found} are missing'
    print(len(found))
elif what == 'unchanged':
    from warcio.archiveiterator import ArchiveIterator
    old, ids = {}, {}
    for record in ArchiveIterator(open(sys.argv[3], 'rb')):
        if record.rec_type == 'response':
            ids[record.rec_headers.get_header('WARC-Record-ID')] = record.rec_headers.get_header('WARC-Target-URI')
            at = record.rec_headers.get_header('WARC-Target-URI'), record.rec_headers.get_header('WARC-Date')
            old[at] = record.http_headers.get_statuscode()
    for record in ArchiveIterator(opened()):
        if record.rec_type != 'revisit':
            continue
        header = record.rec_headers.get_header
        assert header('WARC-Profile') == 'http://netpreserve.org/warc/1.1/revisit/server-not-modified'
        assert record.http_headers.get_statuscode() == '304'
        at = header('WARC-Refers-To-Target-URI'), header('WARC-Refers-To-Date')
        assert at[0] == header('WARC-Target-URI') and old[at] == '200', f'{at} of {old}'
        if sys.argv[4:]:
            assert ids[header('WARC-Refers-To')] == at[0], f'{header("WARC-Refers-To")} of {ids}'
        print(at[0])
elif what == 'index':
    for line in run('cdx-indexer', '-j', archive).splitlines():
        key, moment, value = line.split(' ', 2)
        print(key, json.loads(value)['url'])
elif what == 'replay':
    from gevent.monkey import patch_all
    patch_all()
    os.chdir(tempfile.mkdtemp())
    run('wb-manager', 'init', 'pages')
    unpack = ['--unpack-wacz'] if archive.endswith('.wacz') else []
    run('wb-manager', 'add', 'pages', *unpack, archive)
    from pywb.apps.frontendapp import FrontEndApp
    app, origin = FrontEndApp(custom_config={'debug': True}), sys.argv[4]
    for path, (body, name) in served().items():
        at = '/pages/id_/' + origin + path
        got = {}
        environ = {
            'REQUEST_METHOD': 'GET', 'PATH_INFO': at, 'REQUEST_URI': at, 'QUERY_STRING': '',
            'SERVER_NAME': 'localhost', 'SERVER_PORT': '80', 'SERVER_PROTOCOL': 'HTTP/1.1', 'HTTP_HOST': 'localhost',
            'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(), 'wsgi.errors': sys.stderr, 'wsgi.version': (1, 0),
            'wsgi.multithread': False, 'wsgi.multiprocess': False, 'wsgi.run_once': False,
        }
        shown = b''.join(app(environ, lambda status, headers, *_: got.update(status=status)))
        # pywb removes content codings for clients that do not accept them.
        plain = gzip.decompress(body) if name.endswith('.coded') else body
        assert shown in (body, plain), f'{path}: {got} {shown[:200]}'
    print('replayed')
    sys.stdout.flush()
    os._exit(0)  # otherwise its server would keep running
elif what == 'wrap':
    run('wacz', 'create', '-f', archive, '-o', sys.argv[3])
elif what == 'package':
    output = run('wacz', 'validate', '-f', archive)
    package = zipfile.ZipFile(archive)
    assert package.testzip() is None
    folder = tempfile.mkdtemp()
    package.extractall(folder)
    ours = gzip.open(os.path.join(folder, 'indexes/index.cdx.gz'), 'rt').read().splitlines()
    made = run('cdxj-indexer', '-s', os.path.join(folder, 'archive/data.warc.gz')).splitlines()

    def entry(line):
        key, moment, value = line.split(' ', 2)
        value = json.loads(value)
        return key, moment, {name: value.get(name) for name in ('url', 'mime', 'status', 'digest', 'length', 'offset')}

    # cdxj-indexer makes up a digest for a redirect whose record has none.
    theirs = [entry(line) for line in made]
    for mine, other in zip(map(entry, ours), theirs):
        if mine[2]['digest'] == '-':
            other[2]['digest'] = '-'
        if not mine[2]['mime']:
            other[2]['mime'] = ''
        assert mine == other, f'{mine} {other}'
    assert len(ours) == len(theirs), f'{len(ours)} {len(theirs)}'
    second = open(os.path.join(folder, 'indexes/index.idx')).read().splitlines()
    packed = open(os.path.join(folder, 'indexes/index.cdx.gz'), 'rb').read()
    lines = 0
    for line in second[1:]:
        value = json.loads(line.split(' ', 2)[2])
        pack = packed[value['offset']:value['offset'] + value['length']]
        lines += len(gzip.decompress(pack).splitlines())
    assert lines == len(ours)
    print(output)
    for line in open(os.path.join(folder, 'pages/pages.jsonl')):
        print(json.loads(line).get('title'))
