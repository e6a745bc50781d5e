"""pywb and haul replay the same archive; any difference is an error.

strangers.py ARCHIVE ADDRESS URLS    asks both for each URL of a list, pywb as stored (id_) and haul as a proxy
"""
import sys, os, io, subprocess, tempfile, http.client
from gevent.monkey import patch_all

patch_all()
archive, address, urls = os.path.abspath(sys.argv[1]), sys.argv[2], open(sys.argv[3]).read().split()
programs = os.path.dirname(sys.executable)
os.chdir(tempfile.mkdtemp())
for words in (['init', 'pages'], ['add', 'pages', archive]):
    subprocess.run([os.path.join(programs, 'wb-manager'), *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

from pywb.apps.frontendapp import FrontEndApp

app = FrontEndApp(custom_config={'debug': True})
haul = http.client.HTTPConnection(address)


def by_pywb(url):
    at, got = '/pages/id_/' + url, {}
    path, _, query = at.partition('?')
    environ = {
        'REQUEST_METHOD': 'GET', 'PATH_INFO': path, 'REQUEST_URI': at, 'QUERY_STRING': query,
        'SERVER_NAME': 'localhost', 'SERVER_PORT': '80', 'SERVER_PROTOCOL': 'HTTP/1.1', 'HTTP_HOST': 'localhost',
        'HTTP_ACCEPT_ENCODING': 'gzip', 'wsgi.url_scheme': 'http', 'wsgi.input': io.BytesIO(), 'wsgi.errors': sys.stderr,
        'wsgi.version': (1, 0), 'wsgi.multithread': False, 'wsgi.multiprocess': False, 'wsgi.run_once': False,
    }
    body = b''.join(app(environ, lambda status, headers, *_: got.update(status=status, headers=headers)))
    fields = {name.lower(): value for name, value in got['headers']}
    return int(got['status'].split()[0]), fields, body


def by_haul(url):
    haul.request('GET', url, headers={'Accept-Encoding': 'gzip'})
    response = haul.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


statuses = {}
for url in urls:
    (status, fields, body), (our_status, our_fields, our_body) = by_pywb(url), by_haul(url)
    assert 'haul-miss' not in our_fields, f'{url}: {our_body}'
    assert our_status == status, f'{url}: pywb {status} {body[:200]}, haul {our_status}'
    if status // 100 == 3:  # pywb sends no bodies of redirects, and adds itself to where they lead
        assert fields['location'].endswith(our_fields['location']), f'{url}: pywb {fields}, haul {our_fields}'
    else:
        assert our_body == body, f'{url}: pywb {body[:200]}, haul {our_body[:200]}'
    for name in ('content-type', 'content-encoding') if status // 100 != 3 else ():
        assert our_fields.get(name) == fields.get(name), f'{url}: {name}: pywb {fields}, haul {our_fields}'
    statuses[status] = statuses.get(status, 0) + 1
print(*(f'{status}: {count}' for status, count in sorted(statuses.items())), sep='\n')
sys.stdout.flush()
os._exit(0)  # otherwise the server of pywb would keep running
